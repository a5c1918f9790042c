import { PROPERTIES } from '../src/app/cards/labels';
import type { LabelName } from '../src/app/cards/labels';

export type Properties = Record<string, string | null>;

export const DAY = '2026-11-22';
export const REASON = 'No confirmed room; 12 orders since 3 Mar 2021, last 18 Jun 2026, usually every 52 days';

/** Properties of a company as HubSpot tells them, all of ours: those not given are empty. */
export function company(values: Partial<Record<LabelName, string>>): Properties {
    return Object.fromEntries(
        Object.entries(PROPERTIES).map(([name, property]) => [property, values[name as LabelName] ?? null])
    );
}

export const KEEP: Partial<Record<LabelName, string>> = {
    Profile: 'Keep',
    Computed_Profile: 'Keep',
    Previous_Profile: 'Recapture',
    Changed_On: '2026-11-03',
    Motion: 'Retain',
    Badge: 'At risk',
    Reason: REASON,
    Reasons: [
        REASON,
        'ICP 72 of 100 (High), 80 % known, between 58 and 78 whatever is unknown.',
        'Industry (Chemicals): met',
        'Company size (up to 500): unknown',
        'Runner-up: Recapture or Retire, from 2 Jan 2027 on if nothing is ordered'
    ].join('\n'),
    Next_Step: 'Confirm the next order.',
    ICP_Tier: 'High',
    ICP_Score: '72',
    ICP_Completeness: '80'
};
