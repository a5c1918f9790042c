import { describe, expect, it } from 'vitest';
import {
    computedReason,
    dayOf,
    dayText,
    effective,
    holds,
    overrideProblems,
    readReasons,
    today
} from '../src/app/cards/judgement';
import { DAY, REASON } from './company';

describe('the profile that counts', () => {
    it.each([
        ['no override', {}, 'Keep'],
        ['an override without end', { Override: 'Expand' }, 'Expand'],
        ['an override on its last day', { Override: 'Expand', Override_Until: DAY }, 'Expand'],
        ['an override that ended yesterday', { Override: 'Expand', Override_Until: '2026-11-21' }, 'Keep'],
        ['an override to no profile', { Override: 'None' }, null],
        ['a reason without an override', { Override_Reason: 'why', Override_Until: '2027-01-01' }, 'Keep']
    ])('with %s', (_, override, wanted) => {
        expect(effective({ Computed_Profile: 'Keep', ...override }, DAY)).toBe(wanted);
    });

    it('is none where nothing is computed', () => {
        expect(effective({ Computed_Profile: null }, DAY)).toBeNull();
        expect(effective({}, DAY)).toBeNull();
    });

    it('knows an override by its value alone', () => {
        expect(holds({ Override_Until: '2027-01-01' }, DAY)).toBe(false);
    });
});

describe('days', () => {
    it('today is that of the time zone', () => {
        const now = new Date('2027-03-01T03:30:00Z');
        expect(today('America/Los_Angeles', now)).toBe('2027-02-28');
        expect(today('Asia/Tokyo', now)).toBe('2027-03-01');
    });

    it.each([
        ['2026-11-03', '2026-11-03'],
        ['2026-11-03T00:00:00Z', '2026-11-03'],
        [String(Date.UTC(2026, 10, 3)), '2026-11-03'],
        ['-86400000', '1969-12-31'],
        ['soon', null],
        ['', null],
        [null, null],
        [undefined, null]
    ])('of a property %j are %j', (value, wanted) => {
        expect(dayOf(value)).toBe(wanted);
    });

    it.each([
        ['en-us', 'Nov 3, 2026'],
        ['de-DE', '03.11.2026'],
        ['de_DE', '03.11.2026'],
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

    it('of an unrated company have a dash for a score', () => {
        const text = 'ICP – of 100 (Unrated), 20 % known, between 0 and 90 whatever is unknown.\r\nIndustry (Paper): met';
        expect(readReasons({ Reasons: text }).criteria).toHaveLength(1);
    });

    it.each([[null], [''], ['ICP: no criterion is on.'], ['cut in the midd…']])('may be %j', (Reasons) => {
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
    const right = { Override_Reason: 'why', Override_Until: DAY };

    it.each([
        ['nothing', {}, {}],
        ['the end, when there is none', { Override_Until: null }, {}],
        ['the reason, when empty', { Override_Reason: null }, { reason: true }],
        ['the reason, when blank', { Override_Reason: '  ' }, { reason: true }],
        ['the end, when past', { Override_Until: '2026-11-21' }, { until: true }]
    ])('lacks %s', (_, change, wrong) => {
        expect(overrideProblems({ ...right, ...change }, DAY)).toEqual({ reason: false, until: false, ...wrong });
    });
});
