import { LightningElement, api, wire } from 'lwc';
import { updateRecord } from 'lightning/uiRecordApi';
import { getPicklistValues } from 'lightning/uiObjectInfoApi';
import { OVERRIDE_FIELDS } from 'c/kareFields';
import { messagesOf } from 'c/kareErrors';
import { NO_PROFILE, overrideProblems } from 'c/kareJudgement';
import { TEXTS } from 'c/kareTexts';

const MESSAGES = { profile: TEXTS.chooseProfile, reason: TEXTS.giveReason, until: TEXTS.notPast };

/** The form of an override. Fires `saved` once Salesforce has taken it, and `cancel`. */
export default class KareOverride extends LightningElement {
    @api recordId;
    @api recordTypeId;
    @api today;
    texts = TEXTS;
    values = {};
    options = [];
    problems = [];
    saving = false;
    focused = false;

    @wire(getPicklistValues, { recordTypeId: '$recordTypeId', fieldApiName: OVERRIDE_FIELDS.Override })
    takeOptions({ data, error }) {
        if (data) this.options = data.values.map(({ label, value }) => ({ label, value }));
        if (error) this.problems = messagesOf(error, TEXTS.unknownError);
    }

    /** What the fields begin with: `profile`, `reason`, `until`. */
    @api
    get start() {
        return this.values;
    }

    set start(values) {
        this.values = { ...values };
    }

    /** What the chosen profile is called. */
    get chosen() {
        const { profile } = this.values;
        const option = this.options.find(({ value }) => value === profile);
        return profile === NO_PROFILE ? TEXTS.noProfile : (option?.label ?? profile);
    }

    renderedCallback() {
        if (this.focused || !this.options.length) return;
        this.focused = true;
        this.refs.profile.focus();
    }

    change({ target, detail }) {
        this.values = { ...this.values, [target.name]: detail.value };
    }

    // A field that loses the focus may show a message and so move the buttons away from under the pointer.
    stay(event) {
        event.preventDefault();
    }

    cancel() {
        this.dispatchEvent(new CustomEvent('cancel'));
    }

    async save() {
        if (this.saving || !this.checked()) return;
        const { profile, reason, until } = this.values;
        const { Override, OverrideReason, OverrideUntil } = OVERRIDE_FIELDS;
        await this.send({
            Id: this.recordId,
            [Override.fieldApiName]: profile,
            [OverrideReason.fieldApiName]: reason.trim(),
            [OverrideUntil.fieldApiName]: until || null
        });
    }

    /** Whether all fields are right; those that are not say why. An unreadable date is the input's own finding. */
    checked() {
        const wrong = overrideProblems(this.values, this.today);
        const fields = Object.keys(MESSAGES).map((name) => {
            const field = this.refs[name];
            field.setCustomValidity(wrong[name] ? MESSAGES[name] : '');
            return { field, valid: field.reportValidity() };
        });
        const first = fields.find(({ valid }) => !valid);
        first?.field.focus();
        return !first;
    }

    async send(fields) {
        this.saving = true;
        this.problems = [];
        try {
            await updateRecord({ fields });
            this.dispatchEvent(new CustomEvent('saved', { detail: { profile: this.chosen } }));
        } catch (error) {
            this.problems = [TEXTS.notSaved, ...messagesOf(error, TEXTS.unknownError)];
        } finally {
            this.saving = false;
        }
    }
}
