import { messagesOf } from 'c/kareErrors';

describe('the messages of an error', () => {
    it.each([
        ['one body', { body: { message: 'No access' } }, ['No access']],
        ['several bodies', { body: [{ message: 'One' }, { message: 'Two' }, { message: 'One' }] }, ['One', 'Two']],
        ['page errors', { body: { message: 'General', output: { errors: [{ message: 'Rule' }] } } }, ['Rule']],
        [
            'field errors',
            { body: { output: { errors: [], fieldErrors: { F__c: [{ message: 'Too long' }] } } } },
            ['Too long']
        ],
        ['a JavaScript error', new Error('Broken'), ['Broken']],
        ['a body without message', { body: {} }, ['Fallback']],
        ['nothing', undefined, ['Fallback']]
    ])('with %s', (_, error, wanted) => {
        expect(messagesOf(error, 'Fallback')).toEqual(wanted);
    });
});
