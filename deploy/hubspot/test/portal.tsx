import { useSyncExternalStore } from 'react';
import { createRenderer } from '@hubspot/ui-extensions/testing';
import { KareCard } from '../src/app/cards/KareCard';
import type { Properties } from './company';

/** Generous, so that a busy machine fails no test. */
export const PATIENCE = 60_000;

interface Told {
    properties: Properties;
    isLoading: boolean;
    error: Error | null;
}

interface Troubles extends Partial<Omit<Told, 'properties'>> {
    /** Properties that HubSpot refuses a whole request for. */
    refused?: string[];
}

/** A company record in a portal, as far as the card can tell: what HubSpot tells of it changes with `tell`. */
export function record(properties: Properties, { isLoading = false, error = null, refused = [] }: Troubles = {}) {
    let told: Told = { properties, isLoading, error };
    let asked = 0;
    const listeners = new Set<() => void>();
    const change = (next: Told) => {
        told = next;
        listeners.forEach((listener) => {
            listener();
        });
    };
    const listen = (listener: () => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
    };
    const refetch = () => {
        asked += 1;
        return Promise.resolve();
    };
    const renderer = createRenderer('crm.record.tab');
    const useCompany = (names: string[]) => {
        const { properties: all, isLoading, error } = useSyncExternalStore(listen, () => told);
        const lacks = names.some((name) => refused.includes(name));
        const known = names.flatMap((name) => (name in all ? [[name, all[name] ?? null] as const] : []));
        return {
            properties: error || lacks ? {} : Object.fromEntries(known),
            isLoading,
            error: lacks ? new Error('No such property') : error,
            isRefetching: false,
            refetch
        };
    };
    renderer.mocks.useCrmProperties.willCall(useCompany);
    Object.assign(renderer.mocks.context, {
        portal: { id: 7, timezone: 'Europe/Berlin' },
        user: { ...renderer.mocks.context.user, locale: 'en-gb' }
    });
    renderer.render(<KareCard />);
    return {
        ...renderer,
        asked: () => asked,
        waitFor: (check: () => void) => renderer.waitFor(check, { timeoutInMs: PATIENCE }),
        loaded: (loaded: Properties) => {
            change({ properties: loaded, isLoading: false, error: null });
        },
        /** What HubSpot does after an edit of a property, on the card or elsewhere on the page. */
        tell: (edited: Properties) => {
            change({ ...told, properties: { ...told.properties, ...edited } });
        }
    };
}
