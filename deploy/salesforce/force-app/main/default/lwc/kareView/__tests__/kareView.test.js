import { viewOf } from 'c/kareView';
import { DAY, KEEP, REASON, recordOf } from '../../../../../../test/records';

const view = (values, displayed) => viewOf(recordOf({ ...KEEP, ...values }, displayed), DAY, 'en-GB');

describe('what the page shows', () => {
    it('of an account without an override', () => {
        expect(view({})).toMatchObject({
            visible: true,
            unlabelled: false,
            profile: 'Keep',
            setBy: null,
            badge: { label: 'At risk', icon: 'utility:warning' },
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
        const shown = view({ Override: 'Expand', OverrideReason: 'New site', OverrideUntil: DAY, PlanTest: '4/6' });
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
        expect(view({ Override: 'Expand', OverrideReason: 'New site', Profile: 'Expand', Reason })).toMatchObject({
            profile: 'Expand',
            setBy: 'Set by a person: New site',
            reason: `Computed: Keep. ${REASON}`,
            pending: null
        });
    });

    it('of an override that has ended before the next sync', () => {
        expect(view({ Override: 'Expand', OverrideUntil: '2026-11-21', Profile: 'Expand' })).toMatchObject({
            profile: 'Keep',
            setBy: 'The override to Expand ended on 21 Nov 2026.',
            reason: REASON,
            override: { profile: 'Expand' }
        });
    });

    it('of an override to no profile', () => {
        expect(view({ Override: 'None' })).toMatchObject({ profile: 'No profile', setBy: 'Set by a person' });
    });

    it('of an account without a profile', () => {
        const changed = 'Changed from Recapture on 3 Nov 2026';
        expect(view({ Profile: null, ComputedProfile: null })).toMatchObject({ profile: 'No profile', changed, pending: null });
    });

    it('of an account not judged yet, with an override or without', () => {
        const none = Object.fromEntries(Object.keys(KEEP).map((name) => [name, null]));
        expect(view(none)).toMatchObject({ visible: true, unlabelled: true, profile: null, facts: [], sections: [] });
        expect(view({ ...none, Override: 'Attain' })).toMatchObject({ unlabelled: true, profile: 'Attain', pending: null });
    });

    it('of fields that the user may not see', () => {
        expect(viewOf(recordOf({}), DAY, 'en-GB').visible).toBe(false);
        expect(viewOf(recordOf({ Profile: 'Keep' }), DAY, 'en-GB')).toMatchObject({ visible: true, unlabelled: false });
    });

    it('in the reader’s language', () => {
        const german = viewOf(
            recordOf({ ...KEEP, Override: 'Expand' }, { Override: 'Ausbauen', Badge: 'Gefährdet', PreviousProfile: 'Zurück' }),
            DAY,
            'de-DE'
        );
        expect(german).toMatchObject({ profile: 'Ausbauen', badge: { label: 'Gefährdet' } });
        expect(view({}, { PreviousProfile: 'Zurück' }).changed).toBe('Changed from Zurück on 3 Nov 2026');
    });

    it('of a first profile: no word of a change', () => {
        expect(view({ PreviousProfile: null }).changed).toBe('Set on 3 Nov 2026');
        expect(view({ ChangedOn: null }).changed).toBeNull();
    });

    it('of the class: the one that people set comes first', () => {
        const facts = (values) => view({ Motion: null, NextStep: null, ...values }).facts;
        expect(facts({ Class: 'Key' })).toEqual([{ term: 'Class', text: 'Key' }]);
        expect(facts({ Class: 'Key', ClassOverride: 'SMB', ClassWarnings: 'big volume' })).toEqual([
            { term: 'Class', text: 'SMB' },
            { term: 'Watch', text: 'big volume' }
        ]);
    });

    it('of the ideal customer profile', () => {
        const icp = (values) => view(values).sections.find(({ name }) => name === 'icp');
        expect(icp({}).label).toBe('Ideal customer: High, 72 of 100 · 80 % known');
        expect(icp({}).lines).toEqual([{ key: 0, text: 'Between 58 and 78, whatever is still unknown.' }]);
        expect(icp({ Reasons: 'ICP: no criterion is on.' })).toMatchObject({ lines: [], answers: [] });
        expect(icp({}).answers).toEqual([
            { text: 'Industry (Chemicals)', answer: 'met' },
            { text: 'Company size (up to 500)', answer: 'unknown' }
        ]);
        expect(icp({ ICPScore: null, ICPTier: 'Unrated', ICPCompleteness: 0 }).label).toBe(
            'Ideal customer: Unrated · 0 % known'
        );
        expect(icp({ ICPScore: 0, ICPTier: 'Low', ICPCompleteness: null }).label).toBe('Ideal customer: Low, 0 of 100');
        expect(icp({ ICPTier: null })).toBeUndefined();
    });

    it('of the plan test', () => {
        const plan = (values) => view({ Reasons: '1. matches the ICP: yes', ...values }).sections.at(-1);
        expect(plan({ PlanTest: '5/6', PlanWarranted: 'Yes' })).toEqual({
            name: 'plan',
            label: 'Plan test: 5/6, a development plan is worth writing',
            lines: [],
            answers: [{ text: 'Matches the ICP', answer: 'yes' }]
        });
        expect(plan({ PlanTest: '1/6', PlanWarranted: 'No' }).label).toBe('Plan test: 1/6, no development plan needed');
        expect(plan({ PlanTest: '1/6' }).label).toBe('Plan test: 1/6');
    });
});
