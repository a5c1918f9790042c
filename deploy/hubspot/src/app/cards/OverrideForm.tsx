import { Alert, Button, Flex, Text, Tile } from '@hubspot/ui-extensions';
import { CrmPropertyList } from '@hubspot/ui-extensions/crm';
import { overrideProblems } from './judgement';
import type { Values } from './judgement';
import { PROPERTIES, TITLES } from './labels';
import { fill, TEXTS } from './texts';

const WHY = [PROPERTIES.Override_Reason, PROPERTIES.Override_Until];
const PROFILE = [PROPERTIES.Override];

interface Props {
    values: Values;
    day: string;
    onDone: () => void;
}

/**
 * The override, edited in HubSpot's own fields: they save as the user, with the user's rights, and need no back end.
 * Each field is saved by itself, so the profile is offered only once its reason stands and its last day is not past.
 */
export function OverrideForm({ values, day, onDone }: Props) {
    const wrong = overrideProblems(values, day);
    const open = Boolean(values.Override) || !(wrong.reason || wrong.until);
    return (
        <Tile compact>
            <Flex direction="column" gap="small">
                <Text>{TEXTS.editFirst}</Text>
                <CrmPropertyList properties={WHY} />
                {wrong.reason && (
                    <Alert title={TEXTS.giveReason} variant="warning">
                        {fill(TEXTS.giveReasonWhere, TITLES.Override_Reason)}
                    </Alert>
                )}
                {wrong.until && (
                    <Alert title={TEXTS.notPast} variant="warning">
                        {fill(TEXTS.notPastWhere, TITLES.Override_Until)}
                    </Alert>
                )}
                {open && (
                    <>
                        <Text>{TEXTS.editProfile}</Text>
                        <CrmPropertyList properties={PROFILE} />
                    </>
                )}
                {values.Override && <Text variant="microcopy">{TEXTS.editRemove}</Text>}
                <Button variant="secondary" onClick={onDone}>
                    {TEXTS.done}
                </Button>
            </Flex>
        </Tile>
    );
}
