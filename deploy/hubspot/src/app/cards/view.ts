// The words and lists that the card shows, from the company's properties as HubSpot tells them.

import { computedReason, dayOf, dayText, effective, holds, NO_PROFILE, readReasons } from './judgement';
import type { Answered, Values } from './judgement';
import { OPTIONS, PROPERTIES } from './labels';
import type { LabelName } from './labels';
import { fill, TEXTS } from './texts';

type Badge = (typeof OPTIONS.Badge)[number];

export interface Section {
    name: string;
    label: string;
    lines: string[];
    answers: Answered[];
}

export interface View {
    /** Whether HubSpot told none of our properties: they are empty, not there, or hidden from this user. */
    missing: boolean;
    unlabelled: boolean;
    profile: string | null;
    computed: string;
    override: Values;
    setBy: string | null;
    badge: { label: string; variant: 'warning' | 'info' | 'default' } | null;
    reason: string;
    changed: string | null;
    pending: string | null;
    facts: { term: string; text: string }[];
    sections: Section[];
}

const BADGES: Record<Badge, 'warning' | 'info'> = { 'At risk': 'warning', New: 'info' };
const DATES: readonly LabelName[] = ['Changed_On', 'Override_Until'];

const called = (profile: string | null | undefined) =>
    profile && profile !== NO_PROFILE ? profile : TEXTS.noProfile;

/** The values of our properties by label. */
export function valuesOf(properties: Record<string, string | null>): Values {
    const names = Object.keys(PROPERTIES) as LabelName[];
    return Object.fromEntries(
        names.map((name) => {
            const value = properties[PROPERTIES[name]] || null;
            return [name, DATES.includes(name) ? dayOf(value) : value];
        })
    );
}

/** Everything that the card shows of the company on the day. */
export function viewOf(properties: Record<string, string | null>, day: string, locale?: string): View {
    const values = valuesOf(properties);
    const profile = effective(values, day);
    const labelled = Boolean(values.Computed_Profile || values.Profile || values.Reason);
    const pending = labelled && profile !== (values.Profile ?? null);
    return {
        missing: Object.values(values).every((value) => !value),
        unlabelled: !labelled,
        profile: labelled || holds(values, day) ? called(profile) : null,
        computed: called(values.Computed_Profile),
        override: values,
        setBy: overrideWords(values, day, locale),
        badge: values.Badge ? { label: values.Badge, variant: BADGES[values.Badge as Badge] ?? 'default' } : null,
        reason: reasonWords(values, day),
        changed: pending ? null : changeWords(values, locale),
        pending: pending ? fill(TEXTS.pending, called(values.Profile)) : null,
        facts: factRows(values, pending),
        sections: sections(values, pending)
    };
}

function overrideWords({ Override, Override_Reason, Override_Until }: Values, day: string, locale?: string) {
    if (!Override) return null;
    const until = Override_Until && dayText(Override_Until, locale);
    if (until && !holds({ Override, Override_Until }, day)) return fill(TEXTS.overrideEnded, called(Override), until);
    const by = until ? fill(TEXTS.setByPersonUntil, until) : TEXTS.setByPerson;
    return Override_Reason ? `${by}: ${Override_Reason}` : by;
}

function reasonWords(values: Values, day: string) {
    const reason = computedReason(values);
    return holds(values, day) && reason ? `${TEXTS.computed}: ${called(values.Computed_Profile)}. ${reason}` : reason;
}

function changeWords({ Profile, Previous_Profile, Changed_On }: Values, locale?: string) {
    if (!Changed_On) return null;
    const day = dayText(Changed_On, locale);
    if (Previous_Profile) return fill(TEXTS.changedFrom, called(Previous_Profile), day);
    return Profile ? fill(TEXTS.changedOn, day) : null;
}

/** Motion and next step follow the profile of the last sync: they are left out while another one counts. */
function factRows({ Class, Class_Override, Class_Warnings, Motion, Next_Step }: Values, pending: boolean) {
    const rows: [string, string | null | undefined][] = [
        [TEXTS.motion, pending ? null : Motion],
        [TEXTS.nextStep, pending ? null : Next_Step],
        [TEXTS.accountClass, Class_Override || Class],
        [TEXTS.classWarnings, Class_Warnings]
    ];
    return rows.flatMap(([term, text]) => (text ? [{ term, text }] : []));
}

function sections(values: Values, pending: boolean): Section[] {
    const { plain, range, criteria, questions } = readReasons(values);
    const spread = range ? [fill(TEXTS.icpRange, ...range)] : [];
    const found: Section[] = [];
    if (plain.length) found.push({ name: 'reasons', label: TEXTS.reasons, lines: plain, answers: [] });
    if (values.ICP_Tier) found.push({ name: 'icp', label: icpWords(values), lines: spread, answers: criteria });
    if (values.Plan_Test && !pending) {
        found.push({ name: 'plan', label: planWords(values), lines: [], answers: questions });
    }
    return found;
}

function icpWords({ ICP_Tier, ICP_Score, ICP_Completeness }: Values) {
    const score = ICP_Score ? fill(TEXTS.icpScore, ICP_Tier ?? '', Number(ICP_Score)) : ICP_Tier;
    const known = ICP_Completeness ? [fill(TEXTS.icpKnown, Number(ICP_Completeness))] : [];
    return `${TEXTS.icp}: ${[score, ...known].join(' · ')}`;
}

function planWords({ Plan_Test, Plan_Warranted }: Values) {
    const verdicts: Record<string, string> = { Yes: TEXTS.planYes, No: TEXTS.planNo };
    return `${TEXTS.planTest}: ${[Plan_Test, verdicts[Plan_Warranted ?? '']].filter(Boolean).join(', ')}`;
}
