import { LightningElement, api } from 'lwc';
import { TEXTS } from 'c/kareTexts';

const GOOD = { icon: 'utility:success', variant: 'success' };
const BAD = { icon: 'utility:close', variant: '' };
const OPEN = { icon: 'utility:help', variant: '' };
const SHOWN = {
    met: { ...GOOD, word: TEXTS.met },
    yes: { ...GOOD, word: TEXTS.yes },
    partly: { icon: 'utility:check', variant: '', word: TEXTS.partly },
    unmet: { ...BAD, word: TEXTS.unmet },
    no: { ...BAD, word: TEXTS.no },
    unknown: { ...OPEN, word: TEXTS.unknown },
    'not asked': { icon: 'utility:dash', variant: '', word: TEXTS.notAsked }
};

/** A list of questions with their answers, each as a word with an icon. */
export default class KareAnswers extends LightningElement {
    @api items = [];

    get rows() {
        return this.items.map(({ text, answer }, key) => ({ key, text, ...SHOWN[answer] }));
    }
}
