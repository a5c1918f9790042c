import { computedReason, dayText, effective, holds, overrideProblems, readReasons, today } from 'c/kareJudgement';

const DAY = '2026-11-22';
const REASON = 'No confirmed room; 12 orders since 3 Mar 2021, last 18 Jun 2026, usually every 52 days';

describe('the profile that counts', () => {
    it.each([
        ['no override', {}, 'Keep'],
        ['an override without end', { Override: 'Expand' }, 'Expand'],
        ['an override on its last day', { Override: 'Expand', OverrideUntil: DAY }, 'Expand'],
        ['an override that ended yesterday', { Override: 'Expand', OverrideUntil: '2026-11-21' }, 'Keep'],
        ['an override to no profile', { Override: 'None' }, null],
        ['a reason without an override', { OverrideReason: 'why', OverrideUntil: '2027-01-01' }, 'Keep']
    ])('with %s', (_, override, wanted) => {
        expect(effective({ ComputedProfile: 'Keep', ...override }, DAY)).toBe(wanted);
    });

    it('is none where nothing is computed', () => {
        expect(effective({ ComputedProfile: null }, DAY)).toBeNull();
        expect(effective({}, DAY)).toBeNull();
    });

    it('knows an override by its value alone', () => {
        expect(holds({ OverrideUntil: '2027-01-01' }, DAY)).toBe(false);
    });
});

describe('days', () => {
    afterEach(() => jest.useRealTimers());

    it('today is the reader’s', () => {
        jest.useFakeTimers({ now: new Date('2027-03-01T03:30:00Z') });
        expect(today('America/Los_Angeles')).toBe('2027-02-28');
        expect(today('Asia/Tokyo')).toBe('2027-03-01');
    });

    it.each([
        ['en-US', 'Nov 3, 2026'],
        ['de-DE', '03.11.2026'],
        ['en-GB', '3 Nov 2026']
    ])('are written as in %s and not shifted', (locale, wanted) => {
        expect(dayText('2026-11-03', locale)).toBe(wanted);
    });
});

describe('reasons', () => {
    const REASONS = [
        REASON,
        'Worth winning back? Potential: yes, strategic value: unknown',
        'ICP 72 of 100 (High), 80 % known, between 58 and 78 whatever is unknown.',
        'Size of the opportunity (12,000 to 90,000, proposed): met',
        'Industry (Chemicals, Paper: all): partly',
        'Company size in sales (up to 5,000,000): unmet',
        'Reference: customer (has_reference): unknown',
        '1. a market we have experience in: yes',
        '4. we have less than the set share of its purchases: not asked',
        'Runner-up: Recapture or Retire, from 2 Jan 2027 on if nothing is ordered'
    ].join('\n');

    it('are told apart', () => {
        expect(readReasons({ Reason: REASON, Reasons: REASONS })).toEqual({
            plain: [
                'Worth winning back? Potential: yes, strategic value: unknown',
                'Runner-up: Recapture or Retire, from 2 Jan 2027 on if nothing is ordered'
            ],
            range: ['58', '78'],
            criteria: [
                { text: 'Size of the opportunity (12,000 to 90,000, proposed)', answer: 'met' },
                { text: 'Industry (Chemicals, Paper: all)', answer: 'partly' },
                { text: 'Company size in sales (up to 5,000,000)', answer: 'unmet' },
                { text: 'Reference: customer (has_reference)', answer: 'unknown' }
            ],
            questions: [
                { text: 'A market we have experience in', answer: 'yes' },
                { text: 'We have less than the set share of its purchases', answer: 'not asked' }
            ]
        });
    });

    it('above the score are never criteria', () => {
        expect(readReasons({ Reasons: 'Open deal: unknown' }).plain).toEqual(['Open deal: unknown']);
    });

    it('of an unrated account have a dash for a score', () => {
        const text = 'ICP – of 100 (Unrated), 20 % known, between 0 and 90 whatever is unknown.\r\nIndustry (Paper): met';
        expect(readReasons({ Reasons: text }).criteria).toHaveLength(1);
    });

    it.each([[undefined], [null], [''], ['ICP: no criterion is on.'], ['cut in the midd…']])('may be %p', (Reasons) => {
        expect(readReasons({ Reasons })).toEqual({
            plain: Reasons ? [Reasons] : [],
            range: null,
            criteria: [],
            questions: []
        });
    });

    it('drop what the last sync wrote about an override', () => {
        expect(computedReason({ Reason: `Set by a person: big plans. Really. Computed: Keep. ${REASON}` })).toBe(REASON);
        expect(computedReason({ Reason: `Set by a person. Computed: no profile. ${REASON}` })).toBe(REASON);
        expect(computedReason({ Reason: REASON })).toBe(REASON);
        expect(computedReason({})).toBe('');
    });
});

describe('an override', () => {
    const right = { profile: 'Expand', reason: 'why', until: DAY };

    it.each([
        ['nothing', {}, {}],
        ['the end, when there is none', { until: '' }, {}],
        ['the profile', { profile: undefined }, { profile: true }],
        ['the reason, when blank', { reason: '  ' }, { reason: true }],
        ['the end, when past', { until: '2026-11-21' }, { until: true }]
    ])('lacks %s', (_, change, wrong) => {
        const none = { profile: false, reason: false, until: false };
        expect(overrideProblems({ ...right, ...change }, DAY)).toEqual({ ...none, ...wrong });
    });
});
