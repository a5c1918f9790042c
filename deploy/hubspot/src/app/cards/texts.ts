// What the card says, but for values and the names of properties.

export const TEXTS = {
    changeOverride: 'Change override',
    changedFrom: 'Changed from {0} on {1}',
    changedOn: 'Set on {0}',
    accountClass: 'Class',
    classWarnings: 'Watch',
    computed: 'Computed',
    done: 'Done',
    editFirst: 'Fill in why, and the last day if it has one. Each field is saved as soon as you leave it.',
    editProfile: 'Then choose the profile, or None for no profile: it counts at once.',
    editRemove: 'Empty all three fields to remove the override.',
    giveReason: 'Say why, so that others can follow',
    giveReasonWhere: 'Fill in “{0}”. The profile can be chosen then.',
    icp: 'Ideal customer',
    icpKnown: '{0} % known',
    icpRange: 'Between {0} and {1}, whatever is still unknown.',
    icpScore: '{0}, {1} of 100',
    loadFailed: 'The KARE profile can’t be shown',
    loading: 'Loading the KARE profile',
    missing:
        'If it stays so after a sync: the KARE properties are not set up, or you may not see them. Ask your admin.',
    motion: 'Motion',
    nextStep: 'Next step',
    noLabels: 'Not judged yet: the next sync sets the profile.',
    noProfile: 'No profile',
    notPast: 'Choose today or a later day',
    notPastWhere: '“{0}” is past: an override until then does not count.',
    override: 'Override',
    overrideEnded: 'The override to {0} ended on {1}.',
    pending: 'Lists and reports show {0} until the next sync; motion, next step and plan test follow then.',
    planNo: 'no development plan needed',
    planTest: 'Plan test',
    planYes: 'a development plan is worth writing',
    reasons: 'All reasons',
    removed: 'Override removed. The profile is now {0}.',
    retry: 'Try again',
    saved: 'Override saved. The profile is now {0}.',
    setByPerson: 'Set by a person',
    setByPersonUntil: 'Set by a person until {0}'
} as const;

/** The text with `{0}`, `{1}` … replaced. */
export const fill = (text: string, ...values: (string | number)[]): string =>
    text.replace(/\{(\d)\}/g, (_, place: string) => String(values[Number(place)]));
