import { LightningElement, api, wire } from 'lwc';
import { getRecord, updateRecord } from 'lightning/uiRecordApi';
import { getObjectInfo } from 'lightning/uiObjectInfoApi';
import ACCOUNT from '@salesforce/schema/Account';
import LOCALE from '@salesforce/i18n/locale';
import TIME_ZONE from '@salesforce/i18n/timeZone';
import { messagesOf } from 'c/kareErrors';
import { FIELDS, OVERRIDE_FIELDS } from 'c/kareFields';
import { today } from 'c/kareJudgement';
import { TEXTS, fill } from 'c/kareTexts';
import { viewOf } from 'c/kareView';

/**
 * The KARE profile on the account's page. What counts is worked out from the record, so that an override shows at once
 * and not with the next sync.
 */
export default class KareProfile extends LightningElement {
    @api recordId;
    texts = TEXTS;
    closed = [];
    record;
    view;
    account;
    today;
    loadProblems = [];
    saveProblems = [];
    message = '';
    editing = false;
    removing = false;
    refocus = false;

    // Optional fields: those that this user may not see are left out instead of failing the whole.
    @wire(getRecord, { recordId: '$recordId', optionalFields: Object.values(FIELDS) })
    takeRecord({ data, error }) {
        if (!data && !error) return;
        this.today = today(TIME_ZONE);
        this.record = data;
        this.view = data && viewOf(data, this.today, LOCALE);
        this.loadProblems = error ? [TEXTS.loadFailed, ...messagesOf(error, TEXTS.unknownError)] : [];
    }

    @wire(getObjectInfo, { objectApiName: ACCOUNT })
    takeAccount({ data }) {
        this.account = data;
    }

    get loading() {
        return !this.view && !this.loadProblems.length;
    }

    get hidden() {
        return this.view && !this.view.visible;
    }

    get mayOverride() {
        const fields = this.account?.fields ?? {};
        const mine = Object.values(OVERRIDE_FIELDS).every(({ fieldApiName }) => fields[fieldApiName]?.updateable);
        return Boolean(mine && this.view);
    }

    get mayRemove() {
        return this.mayOverride && this.view.override.profile && !this.editing;
    }

    get overrideLabel() {
        return this.view.override.profile ? TEXTS.changeOverride : TEXTS.override;
    }

    get recordTypeId() {
        return this.record.recordTypeInfo?.recordTypeId ?? this.account.defaultRecordTypeId;
    }

    renderedCallback() {
        if (!this.refocus) return;
        this.refocus = false;
        this.refs.override?.focus();
    }

    edit() {
        this.message = '';
        this.saveProblems = [];
        this.editing = true;
    }

    close() {
        this.editing = false;
        this.refocus = true;
    }

    saved({ detail }) {
        this.close();
        this.message = fill(TEXTS.saved, detail.profile);
    }

    async remove() {
        const empty = Object.values(OVERRIDE_FIELDS).map(({ fieldApiName }) => [fieldApiName, null]);
        this.removing = true;
        this.saveProblems = [];
        try {
            await updateRecord({ fields: { Id: this.recordId, ...Object.fromEntries(empty) } });
            this.message = fill(TEXTS.removed, this.view.computed);
            this.refocus = true;
        } catch (error) {
            this.saveProblems = [TEXTS.notSaved, ...messagesOf(error, TEXTS.unknownError)];
        } finally {
            this.removing = false;
        }
    }
}
