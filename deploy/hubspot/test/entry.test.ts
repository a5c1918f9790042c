import { expect, it, vi } from 'vitest';
import { hubspot } from '@hubspot/ui-extensions';

it('the entry point registers the card with HubSpot', async () => {
    const extend = vi.spyOn(hubspot, 'extend');
    await import('../src/app/cards/KareProfile');
    expect(extend).toHaveBeenCalledTimes(1);
});
