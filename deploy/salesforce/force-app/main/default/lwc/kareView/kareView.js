// The words and lists that the page shows, from a record as the Lightning Data Service tells it.

import { getFieldDisplayValue, getFieldValue } from 'lightning/uiRecordApi';
import { FIELDS } from 'c/kareFields';
import { computedReason, dayText, effective, holds, readReasons } from 'c/kareJudgement';
import { TEXTS, fill } from 'c/kareTexts';

const BADGES = { 'At risk': 'utility:warning', New: 'utility:new' };

/** The values of our fields by label; undefined where this user may not see the field. */
export function valuesOf(record) {
    return Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, getFieldValue(record, field)]));
}

/** What a picklist's value is called in the reader's language. */
function shownIn(record, name) {
    return getFieldDisplayValue(record, FIELDS[name]) ?? getFieldValue(record, FIELDS[name]);
}

/** Everything that the page shows of the record on the day. */
export function viewOf(record, day, locale) {
    const values = valuesOf(record);
    const words = profileWords(record, values);
    const called = (profile) => (profile ? (words[profile] ?? profile) : TEXTS.noProfile);
    const profile = effective(values, day);
    const labelled = Boolean(values.ComputedProfile || values.Profile || values.Reason);
    const pending = labelled && profile !== (values.Profile ?? null);
    return {
        visible: Object.values(values).some((value) => value !== undefined),
        unlabelled: !labelled,
        profile: labelled || holds(values, day) ? called(profile) : null,
        computed: called(values.ComputedProfile),
        override: { profile: values.Override, reason: values.OverrideReason, until: values.OverrideUntil },
        setBy: overrideWords(values, day, locale, called),
        badge: values.Badge && { label: shownIn(record, 'Badge'), icon: BADGES[values.Badge] },
        reason: reasonWords(values, day, called),
        changed: pending ? null : changeWords(values, locale, called),
        pending: pending ? fill(TEXTS.pending, called(values.Profile)) : null,
        facts: factRows(record, values, pending),
        sections: sections(record, values, pending)
    };
}

function profileWords(record, values) {
    const names = ['Override', 'PreviousProfile', 'ComputedProfile', 'Profile'];
    return Object.fromEntries(names.map((name) => [values[name], shownIn(record, name)]));
}

function overrideWords({ Override, OverrideReason, OverrideUntil }, day, locale, called) {
    if (!Override) return null;
    const until = OverrideUntil && dayText(OverrideUntil, locale);
    if (until && OverrideUntil < day) return fill(TEXTS.overrideEnded, called(Override), until);
    const by = until ? fill(TEXTS.setByPersonUntil, until) : TEXTS.setByPerson;
    return OverrideReason ? `${by}: ${OverrideReason}` : by;
}

function reasonWords(values, day, called) {
    const reason = computedReason(values);
    return holds(values, day) && reason ? `${TEXTS.computed}: ${called(values.ComputedProfile)}. ${reason}` : reason;
}

function changeWords({ Profile, PreviousProfile, ChangedOn }, locale, called) {
    if (!ChangedOn) return null;
    const day = dayText(ChangedOn, locale);
    if (PreviousProfile) return fill(TEXTS.changedFrom, called(PreviousProfile), day);
    return Profile ? fill(TEXTS.changedOn, day) : null;
}

/** Motion and next step follow the profile of the last sync: they are left out while another one counts. */
function factRows(record, { ClassOverride, ClassWarnings, NextStep }, pending) {
    const rows = [
        [TEXTS.motion, !pending && shownIn(record, 'Motion')],
        [TEXTS.nextStep, !pending && NextStep],
        [TEXTS.accountClass, shownIn(record, ClassOverride ? 'ClassOverride' : 'Class')],
        [TEXTS.classWarnings, ClassWarnings]
    ];
    return rows.filter(([, text]) => text).map(([term, text]) => ({ term, text }));
}

function sections(record, values, pending) {
    const { plain, range, criteria, questions } = readReasons(values);
    const spread = range ? [fill(TEXTS.icpRange, ...range)] : [];
    return [
        plain.length && section('reasons', TEXTS.reasons, plain, []),
        values.ICPTier && section('icp', icpWords(record, values), spread, criteria),
        values.PlanTest && !pending && section('plan', planWords(values), [], questions)
    ].filter(Boolean);
}

function section(name, label, texts, answers) {
    return { name, label, lines: texts.map((text, key) => ({ key, text })), answers };
}

function icpWords(record, { ICPScore, ICPCompleteness }) {
    const tier = shownIn(record, 'ICPTier');
    const known = typeof ICPCompleteness === 'number' ? [fill(TEXTS.icpKnown, ICPCompleteness)] : [];
    const score = typeof ICPScore === 'number' ? fill(TEXTS.icpScore, tier, ICPScore) : tier;
    return `${TEXTS.icp}: ${[score, ...known].join(' · ')}`;
}

function planWords({ PlanTest, PlanWarranted }) {
    const verdict = { Yes: TEXTS.planYes, No: TEXTS.planNo }[PlanWarranted];
    return `${TEXTS.planTest}: ${[PlanTest, verdict].filter(Boolean).join(', ')}`;
}
