import { defineConfig } from 'vitest/config';

export default defineConfig({
    test: { include: ['test/*.test.{mjs,ts,tsx}'], pool: 'threads', maxWorkers: 1, isolate: false, testTimeout: 120_000 }
});
