// What the account's fields say, without the page: which profile counts today, and the lines of Reasons taken apart.
// Days are `YYYY-MM-DD` texts throughout and compared as such: a date made of one would shift with the time zone.

export const NO_PROFILE = 'None';

const ICP_LINE = /^ICP (?:–|\d+) of 100 \(.+?\), \d+ % known, between (\d+) and (\d+)/;
const CRITERION = /^(.+): (met|partly|unmet|unknown)$/;
const QUESTION = /^\d+\. (.+): (yes|no|unknown|not asked)$/;
const BY_PERSON = /^Set by a person.*\. Computed: (?:Keep|Attain|Recapture|Expand|no profile)\. /s;

/** Today as `YYYY-MM-DD` in the time zone. */
export function today(timeZone) {
    const parts = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    const { year, month, day } = Object.fromEntries(parts.formatToParts(new Date()).map(({ type, value }) => [type, value]));
    return `${year}-${month}-${day}`;
}

/** A day in the reader's language. */
export function dayText(day, locale) {
    return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
}

/** Whether the override counts on the day: its last day is still in, and no last day means no end. */
export const holds = ({ Override, OverrideUntil }, day) =>
    Boolean(Override) && (!OverrideUntil || OverrideUntil >= day);

/** The profile that counts on the day; null for none. */
export function effective(values, day) {
    if (!holds(values, day)) return values.ComputedProfile ?? null;
    return values.Override === NO_PROFILE ? null : values.Override;
}

/** The computed profile's reason, without the words on an override that the last sync wrote before it. */
export const computedReason = ({ Reason }) => (Reason ?? '').replace(BY_PERSON, '');

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Reasons by what they are about: `range` is the score's lowest and highest, whatever is unknown. ICP criteria stand below the score; what has another form is a plain reason. */
export function readReasons({ Reason, Reasons }) {
    const found = { plain: [], range: null, criteria: [], questions: [] };
    for (const line of (Reasons ?? '').split(/\r?\n/).map((one) => one.trim())) {
        const question = QUESTION.exec(line);
        const score = ICP_LINE.exec(line);
        const criterion = found.range && CRITERION.exec(line);
        if (question) found.questions.push({ text: capital(question[1]), answer: question[2] });
        else if (criterion) found.criteria.push({ text: criterion[1], answer: criterion[2] });
        else if (score) found.range = score.slice(1);
        else if (line && line !== Reason) found.plain.push(line);
    }
    return found;
}

/** What is wrong with an override, by field: `profile`, `reason`, `until`. */
export function overrideProblems({ profile, reason, until }, day) {
    return {
        profile: !profile,
        reason: !reason?.trim(),
        until: Boolean(until) && until < day
    };
}
