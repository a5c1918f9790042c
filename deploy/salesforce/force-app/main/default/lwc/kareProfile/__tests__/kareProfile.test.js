import { createElement } from 'lwc';
import KareProfile from 'c/kareProfile';
import { getRecord, updateRecord } from 'lightning/uiRecordApi';
import { getObjectInfo } from 'lightning/uiObjectInfoApi';
import { FIELDS } from 'c/kareFields';
import { KEEP, REASON, accountOf, recordOf } from '../../../../../../test/records';

const PEOPLES = ['Override', 'OverrideReason', 'OverrideUntil'];
const settled = () => new Promise((resolve) => setTimeout(resolve));

function created() {
    const element = createElement('c-kare-profile', { is: KareProfile });
    element.recordId = '001000000000001AAA';
    document.body.appendChild(element);
    return element;
}

async function shown(values = KEEP, editable = PEOPLES) {
    const element = created();
    getObjectInfo.emit(accountOf(editable));
    getRecord.emit(recordOf(values));
    await settled();
    return element;
}

const find = (element, selector) => element.shadowRoot.querySelector(selector);
const text = (element, id) => find(element, `[data-id="${id}"]`)?.textContent;
const status = (element) => find(element, '[role="status"]').textContent;
const alert = (element) => find(element, '[role="alert"]')?.textContent;
const form = (element) => find(element, 'c-kare-override');
const button = (element, label) =>
    [...element.shadowRoot.querySelectorAll('lightning-button')].find((one) => one.label === label);

async function click(element, label) {
    button(element, label).click();
    await settled();
}

describe('c-kare-profile', () => {
    beforeEach(() => jest.useFakeTimers({ now: new Date('2026-11-22T12:00:00Z'), doNotFake: ['setTimeout', 'nextTick'] }));

    afterEach(() => {
        document.body.replaceChildren();
        jest.clearAllMocks();
        jest.useRealTimers();
    });

    describe('shows', () => {
        it('that it is loading', async () => {
            const element = created();
            await settled();
            expect(find(element, 'lightning-spinner').alternativeText).toBe('Loading the KARE profile');
            expect(button(element, 'Override')).toBeUndefined();
        });

        it('nothing of ours as required, so that a hidden field does not hide the rest', async () => {
            created();
            await settled();
            const { recordId, optionalFields, fields } = getRecord.getLastConfig();
            expect(recordId).toBe('001000000000001AAA');
            expect(optionalFields).toHaveLength(Object.keys(FIELDS).length);
            expect(fields).toBeUndefined();
        });

        it('profile, badge, reason, change, motion and next step', async () => {
            const element = await shown();
            expect(find(element, 'lightning-spinner')).toBeNull();
            expect(text(element, 'profile')).toBe('Keep');
            expect(find(element, 'lightning-badge').label).toBe('At risk');
            expect(text(element, 'reason')).toBe(REASON);
            expect(text(element, 'changed')).toBe('Changed from Recapture on Nov 3, 2026');
            const terms = [...element.shadowRoot.querySelectorAll('dt, dd')].map((one) => one.textContent);
            expect(terms).toEqual(['Motion', 'Retain', 'Next step', 'Confirm the next order.']);
            expect(alert(element)).toBeUndefined();
        });

        it('all reasons and the ICP on click: closed at first', async () => {
            const element = await shown();
            expect(find(element, 'lightning-accordion').activeSectionName).toEqual([]);
            const sections = [...element.shadowRoot.querySelectorAll('lightning-accordion-section')];
            expect(sections.map(({ label }) => label)).toEqual([
                'All reasons',
                'Ideal customer: High, 72 of 100 · 80 % known'
            ]);
            expect(sections[0].textContent).toContain('Runner-up: Recapture or Retire');
            expect(sections[1].querySelector('c-kare-answers').items).toHaveLength(2);
        });

        it('that nothing is judged yet, and lets people override all the same', async () => {
            const element = await shown(Object.fromEntries(Object.keys(KEEP).map((name) => [name, null])));
            expect(text(element, 'unlabelled')).toBe('Not judged yet: the next sync sets the profile.');
            expect(text(element, 'profile')).toBeUndefined();
            expect(button(element, 'Override')).toBeDefined();
        });

        it('who can help where the fields are hidden', async () => {
            const element = await shown({}, []);
            expect(element.shadowRoot.textContent).toContain('Ask your admin for the permission set “KARE Reps”');
            expect(button(element, 'Override')).toBeUndefined();
        });

        it('an error, and recovers from it', async () => {
            const element = created();
            getRecord.error({ message: 'The record is gone' });
            await settled();
            expect(alert(element)).toContain('The record is gone');
            expect(text(element, 'profile')).toBeUndefined();
            getRecord.emit(recordOf(KEEP));
            await settled();
            expect(alert(element)).toBeUndefined();
            expect(text(element, 'profile')).toBe('Keep');
        });
    });

    describe('offers the override', () => {
        it.each([
            ['one field is not editable', ['Override', 'OverrideReason']],
            ['none is', []]
        ])('not where %s', async (_, editable) => {
            const element = await shown({ ...KEEP, Override: 'Expand' }, editable);
            expect(text(element, 'profile')).toBe('Expand');
            expect(element.shadowRoot.querySelectorAll('lightning-button')).toHaveLength(0);
        });

        it('in a form that begins with what is set', async () => {
            const element = await shown({ ...KEEP, Override: 'Expand', OverrideReason: 'New site' });
            await click(element, 'Change override');
            const { recordId, recordTypeId, today } = form(element);
            expect([recordId, recordTypeId, today]).toEqual(['001000000000001AAA', '012000000000000AAA', '2026-11-22']);
            expect(form(element).start).toMatchObject({ profile: 'Expand', reason: 'New site' });
            expect(button(element, 'Change override').disabled).toBe(true);
            expect(button(element, 'Remove override')).toBeUndefined();
        });

        it('of the account’s own record type', async () => {
            const element = created();
            getObjectInfo.emit(accountOf(PEOPLES));
            getRecord.emit({ ...recordOf(KEEP), recordTypeInfo: { recordTypeId: '012000000000009AAA' } });
            await settled();
            await click(element, 'Override');
            expect(form(element).recordTypeId).toBe('012000000000009AAA');
        });

        it('and shows it at once when saved, says so, and gives the focus back', async () => {
            const element = await shown();
            await click(element, 'Override');
            const focus = jest.spyOn(button(element, 'Override'), 'focus');
            form(element).dispatchEvent(new CustomEvent('saved', { detail: { profile: 'Expand' } }));
            getRecord.emit(recordOf({ ...KEEP, Override: 'Expand', OverrideReason: 'New site' }));
            await settled();
            expect(form(element)).toBeNull();
            expect(text(element, 'profile')).toBe('Expand');
            expect(text(element, 'set-by')).toContain('Set by a person: New site');
            expect(text(element, 'pending')).toContain('Lists and reports show Keep until the next sync');
            expect(status(element)).toBe('Override saved. The profile is now Expand.');
            expect(focus).toHaveBeenCalledTimes(1);
        });

        it('and forgets it when cancelled', async () => {
            const element = await shown();
            await click(element, 'Override');
            form(element).dispatchEvent(new CustomEvent('cancel'));
            await settled();
            expect(form(element)).toBeNull();
            expect(status(element)).toBe('');
            expect(updateRecord).not.toHaveBeenCalled();
        });
    });

    describe('removes the override', () => {
        const OVERRIDDEN = { ...KEEP, Profile: 'Expand', Override: 'Expand', OverrideReason: 'New site' };

        it('by emptying the three fields that people set and nothing else', async () => {
            const element = await shown(OVERRIDDEN);
            await click(element, 'Remove override');
            expect(updateRecord.mock.calls).toEqual([
                [
                    {
                        fields: {
                            Id: '001000000000001AAA',
                            KARE_Override__c: null,
                            KARE_Override_Reason__c: null,
                            KARE_Override_Until__c: null
                        }
                    }
                ]
            ]);
            expect(status(element)).toBe('Override removed. The profile is now Keep.');
        });

        it('also one that has ended', async () => {
            const element = await shown({ ...OVERRIDDEN, OverrideUntil: '2026-11-21' });
            expect(text(element, 'profile')).toBe('Keep');
            expect(text(element, 'set-by')).toContain('The override to Expand ended on Nov 21, 2026.');
            expect(button(element, 'Remove override')).toBeDefined();
        });

        it('says what Salesforce refused, until one tries again', async () => {
            updateRecord.mockRejectedValueOnce({ body: { message: 'Locked by approval' } });
            const element = await shown(OVERRIDDEN);
            await click(element, 'Remove override');
            expect(alert(element)).toBe('Not saved:Locked by approval');
            expect(status(element)).toBe('');
            expect(text(element, 'profile')).toBe('Expand');
            await click(element, 'Change override');
            expect(alert(element)).toBeUndefined();
        });
    });
});
