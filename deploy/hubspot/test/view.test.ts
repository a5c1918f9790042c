import { describe, expect, it } from 'vitest';
import type { LabelName } from '../src/app/cards/labels';
import { viewOf } from '../src/app/cards/view';
import { company, DAY, KEEP, REASON } from './company';

type Given = Partial<Record<LabelName, string | undefined>>;

const view = (values: Given) => viewOf(company({ ...KEEP, ...values } as Partial<Record<LabelName, string>>), DAY, 'en-GB');
const facts = (values: Given) => view({ Motion: undefined, Next_Step: undefined, ...values }).facts;
const icp = (values: Given) => view(values).sections.find(({ name }) => name === 'icp');
const plan = (values: Given) => view({ Reasons: '1. matches the ICP: yes', ...values }).sections.at(-1);

describe('what the card shows', () => {
    it('of a company without an override', () => {
        expect(view({})).toMatchObject({
            missing: false,
            unlabelled: false,
            profile: 'Keep',
            setBy: null,
            badge: { label: 'At risk', variant: 'warning' },
            reason: REASON,
            changed: 'Changed from Recapture on 3 Nov 2026',
            pending: null,
            facts: [
                { term: 'Motion', text: 'Retain' },
                { term: 'Next step', text: 'Confirm the next order.' }
            ]
        });
    });

    it('of an override before the next sync: the profile at once, and nothing that belongs to the old one', () => {
        const shown = view({ Override: 'Expand', Override_Reason: 'New site', Override_Until: DAY, Plan_Test: '4/6' });
        expect(shown).toMatchObject({
            profile: 'Expand',
            setBy: 'Set by a person until 22 Nov 2026: New site',
            reason: `Computed: Keep. ${REASON}`,
            changed: null,
            facts: []
        });
        expect(shown.pending).toMatch(/^Lists and reports show Keep until the next sync;/);
        expect(shown.sections.map(({ name }) => name)).toEqual(['reasons', 'icp']);
    });

    it('of an override that the sync knows', () => {
        const Reason = `Set by a person: New site. Computed: Keep. ${REASON}`;
        expect(view({ Override: 'Expand', Override_Reason: 'New site', Profile: 'Expand', Reason })).toMatchObject({
            profile: 'Expand',
            setBy: 'Set by a person: New site',
            reason: `Computed: Keep. ${REASON}`,
            pending: null
        });
    });

    it('of an override that has ended before the next sync, its day told in milliseconds', () => {
        const Override_Until = String(Date.UTC(2026, 10, 21));
        expect(view({ Override: 'Expand', Override_Until, Profile: 'Expand' })).toMatchObject({
            profile: 'Keep',
            setBy: 'The override to Expand ended on 21 Nov 2026.',
            reason: REASON,
            override: { Override: 'Expand', Override_Until: '2026-11-21' }
        });
    });

    it('of an override to no profile', () => {
        expect(view({ Override: 'None' })).toMatchObject({ profile: 'No profile', setBy: 'Set by a person' });
    });

    it('of a company without a profile', () => {
        const changed = 'Changed from Recapture on 3 Nov 2026';
        const shown = view({ Profile: undefined, Computed_Profile: undefined });
        expect(shown).toMatchObject({ profile: 'No profile', changed, pending: null });
    });

    it('of a company not judged yet, with an override or without, and of properties that are not there', () => {
        const nothing = { unlabelled: true, profile: null, badge: null, reason: '', facts: [], sections: [] };
        expect(viewOf(company({}), DAY)).toMatchObject({ ...nothing, missing: true });
        expect(viewOf({}, DAY)).toMatchObject({ ...nothing, missing: true });
        const shown = viewOf(company({ Override: 'Attain' }), DAY);
        expect(shown).toMatchObject({ missing: false, unlabelled: true, profile: 'Attain', pending: null });
    });

    it('of empty texts as of none', () => {
        expect(viewOf({ ...company(KEEP), kare_override: '', kare_badge: '' }, DAY)).toMatchObject({
            profile: 'Keep',
            badge: null,
            setBy: null
        });
    });

    it('of a badge that an admin added', () => {
        expect(view({ Badge: 'Champion' }).badge).toEqual({ label: 'Champion', variant: 'default' });
    });

    it('of a first profile: no word of a change', () => {
        expect(view({ Previous_Profile: undefined }).changed).toBe('Set on 3 Nov 2026');
        expect(view({ Changed_On: undefined }).changed).toBeNull();
    });

    it('of the class: the one that people set comes first', () => {
        expect(facts({ Class: 'Key' })).toEqual([{ term: 'Class', text: 'Key' }]);
        expect(facts({ Class: 'Key', Class_Override: 'SMB', Class_Warnings: 'big volume' })).toEqual([
            { term: 'Class', text: 'SMB' },
            { term: 'Watch', text: 'big volume' }
        ]);
    });

    it('of the ideal customer profile', () => {
        expect(icp({})).toEqual({
            name: 'icp',
            label: 'Ideal customer: High, 72 of 100 · 80 % known',
            lines: ['Between 58 and 78, whatever is still unknown.'],
            answers: [
                { text: 'Industry (Chemicals)', answer: 'met' },
                { text: 'Company size (up to 500)', answer: 'unknown' }
            ]
        });
        expect(icp({ Reasons: 'ICP: no criterion is on.' })).toMatchObject({ lines: [], answers: [] });
        expect(icp({ ICP_Score: undefined, ICP_Tier: 'Unrated', ICP_Completeness: '0' })?.label).toBe(
            'Ideal customer: Unrated · 0 % known'
        );
        expect(icp({ ICP_Score: '0', ICP_Tier: 'Low', ICP_Completeness: undefined })?.label).toBe(
            'Ideal customer: Low, 0 of 100'
        );
        expect(icp({ ICP_Tier: undefined })).toBeUndefined();
    });

    it('of the plan test', () => {
        expect(plan({ Plan_Test: '5/6', Plan_Warranted: 'Yes' })).toEqual({
            name: 'plan',
            label: 'Plan test: 5/6, a development plan is worth writing',
            lines: [],
            answers: [{ text: 'Matches the ICP', answer: 'yes' }]
        });
        expect(plan({ Plan_Test: '1/6', Plan_Warranted: 'No' })?.label).toBe('Plan test: 1/6, no development plan needed');
        expect(plan({ Plan_Test: '1/6' })?.label).toBe('Plan test: 1/6');
    });
});
