import { createElement } from 'lwc';
import KareOverride from 'c/kareOverride';
import { updateRecord } from 'lightning/uiRecordApi';
import { getPicklistValues } from 'lightning/uiObjectInfoApi';
import { DAY } from '../../../../../../test/records';

const OPTIONS = { values: ['Keep', 'Expand', 'None'].map((value) => ({ label: `${value}!`, value, validFor: [] })) };
const settled = () => new Promise((resolve) => setTimeout(resolve));
const input = (element, name) =>
    [...element.shadowRoot.querySelectorAll('lightning-combobox, lightning-input')].find((one) => one.name === name);

async function shown(start = {}) {
    const element = createElement('c-kare-override', { is: KareOverride });
    Object.assign(element, { recordId: '001', recordTypeId: '012', today: DAY, start });
    element.saved = jest.fn();
    element.cancelled = jest.fn();
    element.addEventListener('saved', ({ detail }) => element.saved(detail));
    element.addEventListener('cancel', element.cancelled);
    document.body.appendChild(element);
    for (const name of ['profile', 'reason', 'until']) {
        const field = input(element, name);
        let message = '';
        field.focus = jest.fn();
        field.setCustomValidity = jest.fn((told) => (message = told));
        field.reportValidity = jest.fn(() => !message);
    }
    getPicklistValues.emit(OPTIONS);
    await settled();
    return element;
}

const button = (element, label) =>
    [...element.shadowRoot.querySelectorAll('lightning-button')].find((one) => one.label === label);

function fillIn(element, values) {
    for (const [name, value] of Object.entries(values)) {
        input(element, name).dispatchEvent(new CustomEvent('change', { detail: { value } }));
    }
}

async function save(element) {
    button(element, 'Save').click();
    await settled();
}

describe('c-kare-override', () => {
    afterEach(() => {
        document.body.replaceChildren();
        jest.clearAllMocks();
    });

    it('offers the values of the record type and takes the focus', async () => {
        const element = await shown();
        expect(getPicklistValues.getLastConfig()).toMatchObject({
            recordTypeId: '012',
            fieldApiName: { fieldApiName: 'KARE_Override__c' }
        });
        expect(input(element, 'profile').options).toEqual([
            { label: 'Keep!', value: 'Keep' },
            { label: 'Expand!', value: 'Expand' },
            { label: 'None!', value: 'None' }
        ]);
        expect(input(element, 'profile').focus).toHaveBeenCalledTimes(1);
    });

    it('labels every field, says which must be filled, and limits the reason', async () => {
        const element = await shown();
        const fields = ['profile', 'reason', 'until'].map((name) => input(element, name));
        expect(fields.map(({ label }) => label)).toEqual(['Profile', 'Reason', 'Until (last day)']);
        expect(fields.map(({ required }) => Boolean(required))).toEqual([true, true, false]);
        expect(input(element, 'reason').maxLength).toBe('255');
    });

    it('begins with the override that is there', async () => {
        const element = await shown({ profile: 'Expand', reason: 'New site', until: DAY });
        expect(['profile', 'reason', 'until'].map((name) => input(element, name).value)).toEqual(['Expand', 'New site', DAY]);
    });

    it('saves the three fields that people set and nothing else', async () => {
        const element = await shown();
        fillIn(element, { profile: 'Expand', reason: '  New site ', until: '2026-12-31' });
        await save(element);
        expect(updateRecord.mock.calls).toEqual([
            [
                {
                    fields: {
                        Id: '001',
                        KARE_Override__c: 'Expand',
                        KARE_Override_Reason__c: 'New site',
                        KARE_Override_Until__c: '2026-12-31'
                    }
                }
            ]
        ]);
        expect(element.saved.mock.calls).toEqual([[{ profile: 'Expand!' }]]);
    });

    it('writes no end as null, and says None as no profile', async () => {
        const element = await shown({ profile: 'Keep', reason: 'why', until: '2026-12-31' });
        fillIn(element, { profile: 'None', until: '' });
        await save(element);
        expect(updateRecord.mock.calls[0][0].fields).toMatchObject({
            KARE_Override__c: 'None',
            KARE_Override_Until__c: null
        });
        expect(element.saved).toHaveBeenCalledWith({ profile: 'No profile' });
    });

    it.each([
        ['a profile', { profile: undefined }, 'profile', 'Choose a profile, or None for no profile.'],
        ['a reason', { reason: ' ' }, 'reason', 'Say why, so that others can follow.'],
        ['an end that is not past', { until: '2026-11-21' }, 'until', 'Choose today or a later day.']
    ])('asks for %s', async (_, lacking, name, message) => {
        const element = await shown({ profile: 'Keep', reason: 'why', until: DAY, ...lacking });
        input(element, name).focus.mockClear();
        await save(element);
        expect(updateRecord).not.toHaveBeenCalled();
        expect(input(element, name).setCustomValidity).toHaveBeenLastCalledWith(message);
        expect(input(element, name).reportValidity).toHaveBeenCalled();
        expect(input(element, name).focus).toHaveBeenCalled();
        fillIn(element, { profile: 'Keep', reason: 'why', until: DAY });
        await save(element);
        expect(input(element, name).setCustomValidity).toHaveBeenLastCalledWith('');
        expect(updateRecord).toHaveBeenCalledTimes(1);
    });

    it('is not saved while a date cannot be read', async () => {
        const element = await shown({ profile: 'Keep', reason: 'why' });
        input(element, 'until').reportValidity.mockReturnValueOnce(false);
        await save(element);
        expect(updateRecord).not.toHaveBeenCalled();
        expect(input(element, 'until').focus).toHaveBeenCalledTimes(1);
    });

    it('says what Salesforce refused, keeps what was typed, and lets one try again', async () => {
        updateRecord.mockRejectedValueOnce({ body: { output: { errors: [{ message: 'Locked by approval' }] } } });
        const element = await shown({ profile: 'Keep', reason: 'why' });
        await save(element);
        await settled();
        const alert = element.shadowRoot.querySelector('[role="alert"]');
        expect(alert.textContent).toBe('Not saved:Locked by approval');
        expect(element.saved).not.toHaveBeenCalled();
        expect(input(element, 'reason').value).toBe('why');
        await save(element);
        expect(element.saved).toHaveBeenCalledTimes(1);
        expect(element.shadowRoot.querySelector('[role="alert"]')).toBeNull();
    });

    it('saves once, whatever is clicked meanwhile', async () => {
        let done;
        updateRecord.mockReturnValueOnce(new Promise((resolve) => (done = resolve)));
        const element = await shown({ profile: 'Keep', reason: 'why' });
        await save(element);
        expect(button(element, 'Save').disabled).toBe(true);
        expect(element.shadowRoot.querySelector('lightning-spinner').alternativeText).toBe('Saving');
        await save(element);
        expect(updateRecord).toHaveBeenCalledTimes(1);
        done();
        await settled();
        expect(element.shadowRoot.querySelector('lightning-spinner')).toBeNull();
    });

    it('leaves the focus where it is while a button is pressed', async () => {
        const element = await shown();
        const press = new CustomEvent('mousedown', { bubbles: true, composed: true, cancelable: true });
        button(element, 'Save').dispatchEvent(press);
        expect(press.defaultPrevented).toBe(true);
    });

    it('can be left', async () => {
        const element = await shown();
        button(element, 'Cancel').click();
        expect(element.cancelled).toHaveBeenCalledTimes(1);
        expect(updateRecord).not.toHaveBeenCalled();
    });

    it('says when the values cannot be read', async () => {
        const element = await shown();
        getPicklistValues.error({ message: 'No record type' });
        await settled();
        expect(element.shadowRoot.querySelector('[role="alert"]').textContent).toBe('No record type');
    });
});
