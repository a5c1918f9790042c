import { FIELDS } from 'c/kareFields';

/** A record as the Lightning Data Service tells it; labels that are not given are invisible to the user. */
export function recordOf(values, displayed = {}) {
    const fields = Object.entries(values).map(([name, value]) => [
        FIELDS[name].fieldApiName,
        { value, displayValue: displayed[name] ?? null }
    ]);
    return { id: '001000000000001AAA', apiName: 'Account', fields: Object.fromEntries(fields), recordTypeInfo: null };
}

/** Account as a user sees it who may edit the fields named. */
export function accountOf(editable) {
    const fields = Object.entries(FIELDS).map(([name, { fieldApiName }]) => [
        fieldApiName,
        { apiName: fieldApiName, updateable: editable.includes(name) }
    ]);
    return { apiName: 'Account', defaultRecordTypeId: '012000000000000AAA', fields: Object.fromEntries(fields) };
}

export const DAY = '2026-11-22';
export const REASON = 'No confirmed room; 12 orders since 3 Mar 2021, last 18 Jun 2026, usually every 52 days';
export const KEEP = {
    Profile: 'Keep',
    ComputedProfile: 'Keep',
    PreviousProfile: 'Recapture',
    ChangedOn: '2026-11-03',
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
    NextStep: 'Confirm the next order.',
    ICPTier: 'High',
    ICPScore: 72,
    ICPCompleteness: 80,
    Override: null,
    OverrideReason: null,
    OverrideUntil: null
};
