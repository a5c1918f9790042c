import { createElement } from 'lwc';
import KareAnswers from 'c/kareAnswers';

const ANSWERS = ['met', 'yes', 'partly', 'unmet', 'no', 'unknown', 'not asked'];

describe('c-kare-answers', () => {
    afterEach(() => document.body.replaceChildren());

    it('says each answer as a word with an icon, never by colour alone', () => {
        const element = createElement('c-kare-answers', { is: KareAnswers });
        element.items = ANSWERS.map((answer) => ({ text: `Is it ${answer}?`, answer }));
        document.body.appendChild(element);
        const rows = [...element.shadowRoot.querySelectorAll('li')];
        expect(rows.map((row) => row.textContent)).toEqual(ANSWERS.map((answer) => `Is it ${answer}?${answer}`));
        const icons = rows.map((row) => row.querySelector('lightning-icon').iconName);
        expect(new Set(icons).size).toBe(5);
        expect(icons).not.toContain(undefined);
    });
});
