import { Flex, List, StatusTag, Text } from '@hubspot/ui-extensions';
import type { Answer, Answered } from './judgement';

const VARIANTS: Record<Answer, 'success' | 'info' | 'warning' | 'default'> = {
    met: 'success',
    yes: 'success',
    partly: 'info',
    unmet: 'warning',
    no: 'warning',
    unknown: 'default',
    'not asked': 'default'
};

/** A list of questions with their answers: each a word, never a colour alone. */
export function Answers({ items }: { items: Answered[] }) {
    return (
        <List>
            {items.map(({ text, answer }) => (
                <Flex key={text} direction="row" justify="between" gap="small">
                    <Text>{text}</Text>
                    <StatusTag variant={VARIANTS[answer]}>{answer}</StatusTag>
                </Flex>
            ))}
        </List>
    );
}
