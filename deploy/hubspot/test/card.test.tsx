import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
    Accordion,
    Alert,
    Button,
    DescriptionListItem,
    ErrorState,
    Heading,
    LoadingSpinner,
    StatusTag,
    Tag,
    Text
} from '@hubspot/ui-extensions';
import { CrmPropertyList } from '@hubspot/ui-extensions/crm';
import { company, KEEP, REASON } from './company';
import { PATIENCE, record } from './portal';

type Record_ = ReturnType<typeof record>;

const MISSING = 'If it stays so after a sync: the KARE properties are not set up, or you may not see them. Ask your admin.';
const OVERRIDE = { Override: 'Expand', Override_Reason: 'New site' };

const texts = (card: Pick<Record_, 'findAll'>) => card.findAll(Text).map(({ text }) => text);
const button = (card: Record_, label: string) => card.find(Button, ({ text }) => text === label);
const editable = (card: Record_) => card.findAll(CrmPropertyList).map(({ props }) => props.properties);
const warnings = (card: Record_) => card.findAll(Alert).map(({ props }) => props.title);
const banners = (card: Record_) => card.mocks.actions.addAlert.calls.map(([told]) => told);

function edited(values: Parameters<typeof company>[0]) {
    const card = record(company(values));
    button(card, values.Override ? 'Change override' : 'Override').trigger('onClick');
    return card;
}

beforeEach(() => {
    vi.useFakeTimers({ now: new Date('2026-11-22T12:00:00Z'), toFake: ['Date'] });
});

afterEach(() => {
    vi.useRealTimers();
});

describe('the card shows', () => {
    it('that it is loading, then the company', async () => {
        const card = record({}, { isLoading: true });
        expect(card.find(LoadingSpinner).props).toMatchObject({ label: 'Loading the KARE profile', showLabel: true });
        expect(card.maybeFind(Button)).toBeNull();
        card.loaded(company(KEEP));
        await card.waitFor(() => {
            expect(card.find(Heading).text).toBe('Keep');
        });
        expect(card.maybeFind(LoadingSpinner)).toBeNull();
        expect(banners(card)).toEqual([]);
    });

    it('profile, badge, reason, change, motion and next step, and asks for our properties only', () => {
        const card = record(company(KEEP));
        expect(card.find(Heading).text).toBe('Keep');
        expect(card.find(Tag).text).toBe('At risk');
        expect(texts(card)).toEqual(expect.arrayContaining([REASON, 'Changed from Recapture on 3 Nov 2026']));
        expect(card.findAll(DescriptionListItem).map((one) => [one.props.label, one.find(Text).text])).toEqual([
            ['Motion', 'Retain'],
            ['Next step', 'Confirm the next order.']
        ]);
        const asked = card.mocks.useCrmProperties.calls.flatMap(([names]) => names);
        expect(asked).toContain('kare_override');
        expect(asked.every((name) => /^(kare|icp)_/.test(name))).toBe(true);
    });

    it('all reasons and the ICP on click: closed at first, each answer in a word', () => {
        const sections = record(company(KEEP)).findAll(Accordion);
        expect(sections.map(({ props }) => props.title)).toEqual([
            'All reasons',
            'Ideal customer: High, 72 of 100 · 80 % known'
        ]);
        expect(sections.every(({ props }) => !props.open && !props.defaultOpen)).toBe(true);
        const [reasons, icp] = sections;
        expect(reasons?.find(Text).text).toContain('Runner-up: Recapture or Retire');
        expect(icp?.findAll(StatusTag).map(({ text }) => text)).toEqual(['met', 'unknown']);
        expect(icp && texts(icp)).toEqual([
            'Between 58 and 78, whatever is still unknown.',
            'Industry (Chemicals)',
            'Company size (up to 500)'
        ]);
    });

    it('the plan test', () => {
        const Reasons = '1. matches the ICP: yes\n2. has a budget: not asked';
        const card = record(company({ ...KEEP, Reasons, Plan_Test: '5/6', Plan_Warranted: 'Yes' }));
        const plan = card.findAll(Accordion).at(-1);
        expect(plan?.props.title).toBe('Plan test: 5/6, a development plan is worth writing');
        expect(plan?.findAll(StatusTag).map(({ text }) => text)).toEqual(['yes', 'not asked']);
    });

    it('what a portal has, though HubSpot refused to tell of properties that it lacks', () => {
        const all = company({ ...KEEP, Plan_Test: '5/6', Class: 'Key' });
        const whole = record(all);
        expect(whole.findAll(Accordion)).toHaveLength(3);
        const card = record(all, { refused: ['kare_plan_test'] });
        expect(card.find(Heading).text).toBe('Keep');
        expect(card.findAll(Accordion).map(({ props }) => props.title)).toEqual([
            'All reasons',
            'Ideal customer: High, 72 of 100'
        ]);
    });

    it('that nothing is judged yet, and lets people override all the same', () => {
        const card = record(company({}));
        expect(texts(card)).toEqual(['Not judged yet: the next sync sets the profile.', MISSING]);
        expect(card.maybeFind(Heading)).toBeNull();
        expect(button(card, 'Override').props.disabled).toBeFalsy();
    });

    it('whom to ask where HubSpot tells nothing of our properties', () => {
        expect(texts(record({}))).toContain(MISSING);
    });

    it('no such hint as soon as one of them is filled', () => {
        expect(texts(record(company({ Override: 'Keep' })))).not.toContain(MISSING);
    });

    it('an error with a way to try again, and recovers from it', async () => {
        const card = record({}, { error: new Error('You may not see this record') });
        expect(card.find(ErrorState).props.title).toBe('The KARE profile can’t be shown');
        expect(texts(card)).toEqual(['You may not see this record', MISSING]);
        button(card, 'Try again').trigger('onClick');
        expect(card.asked()).toBe(1);
        card.loaded(company(KEEP));
        await card.waitFor(() => {
            expect(card.find(Heading).text).toBe('Keep');
        });
    });

    it('the day of the portal: there the override has just ended', () => {
        vi.setSystemTime(new Date('2026-11-22T23:30:00Z'));
        const card = record(company({ ...KEEP, ...OVERRIDE, Override_Until: '2026-11-22' }));
        expect(card.find(Heading).text).toBe('Keep');
        expect(texts(card)).toContain('The override to Expand ended on 22 Nov 2026.');
    });
});

describe('the override', () => {
    it('is not there to edit until asked for', () => {
        expect(editable(record(company(KEEP)))).toEqual([]);
    });

    it('asks for the reason before the profile can be chosen', async () => {
        const card = edited(KEEP);
        expect(editable(card)).toEqual([['kare_override_reason', 'kare_override_until']]);
        expect(warnings(card)).toEqual(['Say why, so that others can follow']);
        card.tell({ kare_override_reason: 'New site' });
        await card.waitFor(() => {
            expect(editable(card)).toEqual([['kare_override_reason', 'kare_override_until'], ['kare_override']]);
        });
        expect(warnings(card)).toEqual([]);
    });

    it('does not take a last day that is past, and takes today', async () => {
        const card = edited({ ...KEEP, Override_Reason: 'New site', Override_Until: '2026-11-21' });
        expect(warnings(card)).toEqual(['Choose today or a later day']);
        expect(editable(card)).toHaveLength(1);
        card.tell({ kare_override_until: '2026-11-22' });
        await card.waitFor(() => {
            expect(editable(card)).toContainEqual(['kare_override']);
        });
        expect(warnings(card)).toEqual([]);
    });

    it('shows at once when it is saved, and says so', async () => {
        const card = edited({ ...KEEP, Override_Reason: 'New site' });
        card.tell({ kare_override: 'Expand' });
        await card.waitFor(() => {
            expect(card.find(Heading).text).toBe('Expand');
        });
        expect(texts(card)).toEqual(
            expect.arrayContaining([
                'Set by a person: New site',
                `Computed: Keep. ${REASON}`,
                'Lists and reports show Keep until the next sync; motion, next step and plan test follow then.'
            ])
        );
        await vi.waitFor(() => {
            expect(banners(card)).toEqual([
                { type: 'success', message: 'Override saved. The profile is now Expand.' }
            ]);
        }, PATIENCE);
        button(card, 'Done').trigger('onClick');
        expect(editable(card)).toEqual([]);
        expect(button(card, 'Change override').props.disabled).toBeFalsy();
    });

    it('shows at once when it is edited elsewhere on the page', async () => {
        const card = record(company(KEEP));
        card.tell({ kare_override: 'None' });
        await card.waitFor(() => {
            expect(card.find(Heading).text).toBe('No profile');
        });
    });

    it('is removed by emptying it', async () => {
        const card = edited({ ...KEEP, ...OVERRIDE, Profile: 'Expand' });
        expect(texts(card)).toContain('Empty all three fields to remove the override.');
        card.tell({ kare_override: '' });
        await card.waitFor(() => {
            expect(card.find(Heading).text).toBe('Keep');
        });
        await vi.waitFor(() => {
            expect(banners(card)).toEqual([
                { type: 'success', message: 'Override removed. The profile is now Keep.' }
            ]);
        }, PATIENCE);
    });

    it('can be changed and removed though it lacks a reason or has ended, and says what is wrong', () => {
        const card = edited({ ...KEEP, Override: 'Expand', Override_Until: '2026-11-21' });
        expect(editable(card)).toContainEqual(['kare_override']);
        expect(warnings(card)).toEqual(['Say why, so that others can follow', 'Choose today or a later day']);
    });

    it('is told of once at each change, not again with the next sync', async () => {
        const card = edited({ ...KEEP, Override_Reason: 'New site' });
        const told = (count: number) => vi.waitFor(() => {
            expect(banners(card)).toHaveLength(count);
        }, PATIENCE);
        card.tell({ kare_override: 'Expand' });
        await told(1);
        card.tell({ kare_profile: 'Expand', kare_computed_profile: 'Attain', kare_next_step: 'Visit' });
        await card.waitFor(() => {
            expect(texts(card)).toContain('Visit');
        });
        card.tell({ kare_override: null });
        await told(2);
        expect(banners(card).map(({ message }) => message)).toEqual([
            'Override saved. The profile is now Expand.',
            'Override removed. The profile is now Attain.'
        ]);
    });

    it('says nothing when other properties change', async () => {
        const card = record(company(KEEP));
        card.tell({ kare_reason: 'Ordered yesterday' });
        await card.waitFor(() => {
            expect(texts(card)).toContain('Ordered yesterday');
        });
        expect(banners(card)).toEqual([]);
    });
});
