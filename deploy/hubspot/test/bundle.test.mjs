// The card as HubSpot builds and runs it: bundled by Vite with the settings of HubSpot's builder, in a worker with its globals.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import React from 'react';
import * as RemoteUI from '@remote-ui/react';
import { build } from 'vite';
import { afterEach, expect, it, vi } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '../src/app/cards');

afterEach(() => {
    vi.unstubAllEnvs();
});

it('the bundle registers the card in a worker of HubSpot’s', async () => {
    vi.stubEnv('NODE_ENV', 'production');
    const [{ output }] = await build({
        root,
        configFile: false,
        logLevel: 'error',
        define: { 'process.env.NODE_ENV': '"production"' },
        build: {
            write: false,
            minify: false,
            lib: { entry: join(root, 'KareProfile.tsx'), name: 'card', formats: ['iife'], fileName: () => 'card.js' },
            rollupOptions: {
                external: ['react', 'react-dom', '@remote-ui/react'],
                output: { globals: { react: 'React', '@remote-ui/react': 'RemoteUI' }, extend: true }
            }
        }
    });
    const worker = { __HUBSPOT_EXTENSION_WORKER__: true, extend_V2: vi.fn(), React, RemoteUI };
    vm.runInNewContext(output[0].code, { self: worker, ...worker });
    expect(worker.extend_V2).toHaveBeenCalledTimes(1);
    const [render] = worker.extend_V2.mock.calls[0];
    expect(React.isValidElement(render())).toBe(true);
});
