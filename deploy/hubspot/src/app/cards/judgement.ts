// What the company's properties say, without the page: which profile counts today, and the lines of Reasons taken apart.
// Days are `YYYY-MM-DD` texts throughout and compared as such: a date made of one would shift with the time zone.

import { OPTIONS } from './labels';
import type { LabelName } from './labels';

/** Values by label; null where there is none. */
export type Values = Partial<Record<LabelName, string | null>>;

export type Answer = 'met' | 'partly' | 'unmet' | 'unknown' | 'yes' | 'no' | 'not asked';

export interface Answered {
    text: string;
    answer: Answer;
}

export interface Reasons {
    plain: string[];
    /** The score's lowest and highest, whatever is unknown. */
    range: [string, string] | null;
    criteria: Answered[];
    questions: Answered[];
}

export const NO_PROFILE = 'None';

const ICP_LINE = /^ICP (?:–|\d+) of 100 \(.+?\), \d+ % known, between (\d+) and (\d+)/;
const CRITERION = /^(.+): (met|partly|unmet|unknown)$/;
const QUESTION = /^\d+\. (.+): (yes|no|unknown|not asked)$/;
const BY_PERSON = new RegExp(`^Set by a person.*\\. Computed: (?:${OPTIONS.Profile.join('|')}|no profile)\\. `, 's');

/** Today as `YYYY-MM-DD` in the time zone. */
export function today(timeZone: string, now: Date): string {
    const parts = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    const { year, month, day } = Object.fromEntries(parts.formatToParts(now).map(({ type, value }) => [type, value]));
    return `${year}-${month}-${day}`;
}

/** The day of a date property: HubSpot tells it as `YYYY-MM-DD` or as milliseconds of that day's midnight in UTC. */
export function dayOf(value: string | null | undefined): string | null {
    if (!value) return null;
    if (/^\d{4}-\d{2}-\d{2}/.test(value)) return value.slice(0, 10);
    return /^-?\d+$/.test(value) ? new Date(Number(value)).toISOString().slice(0, 10) : null;
}

/** A day in the reader's language, which HubSpot tells as `en-us`, and may as `en_US`. */
export function dayText(day: string, locale: string | undefined): string {
    return new Intl.DateTimeFormat(locale?.replace('_', '-'), { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
}

/** Whether the override counts on the day: its last day is still in, and no last day means no end. */
export const holds = ({ Override, Override_Until }: Values, day: string): boolean =>
    Boolean(Override) && (!Override_Until || Override_Until >= day);

/** The profile that counts on the day; null for none. */
export function effective(values: Values, day: string): string | null {
    if (!holds(values, day)) return values.Computed_Profile ?? null;
    return values.Override === NO_PROFILE ? null : (values.Override ?? null);
}

/** The computed profile's reason, without the words on an override that the last sync wrote before it. */
export const computedReason = ({ Reason }: Values): string => (Reason ?? '').replace(BY_PERSON, '');

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Reasons by what they are about. ICP criteria stand below the score; what has another form is a plain reason. */
export function readReasons({ Reason, Reasons }: Values): Reasons {
    const found: Reasons = { plain: [], range: null, criteria: [], questions: [] };
    for (const line of (Reasons ?? '').split(/\r?\n/).map((one) => one.trim())) {
        const question = QUESTION.exec(line);
        const score = ICP_LINE.exec(line);
        const criterion = found.range && CRITERION.exec(line);
        if (question) found.questions.push({ text: capital(question[1]), answer: question[2] as Answer });
        else if (criterion) found.criteria.push({ text: criterion[1], answer: criterion[2] as Answer });
        else if (score) found.range = [score[1], score[2]];
        else if (line && line !== Reason) found.plain.push(line);
    }
    return found;
}

/** What is wrong with an override, before a profile is chosen. */
export function overrideProblems({ Override_Reason, Override_Until }: Values, day: string) {
    return {
        reason: !Override_Reason?.trim(),
        until: Boolean(Override_Until) && (Override_Until as string) < day
    };
}
