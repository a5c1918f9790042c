import { useEffect, useRef, useState } from 'react';
import {
    Accordion,
    Button,
    DescriptionList,
    DescriptionListItem,
    ErrorState,
    Flex,
    Heading,
    LoadingSpinner,
    Tag,
    Text,
    useExtensionActions,
    useExtensionContext
} from '@hubspot/ui-extensions';
import { useCrmProperties } from '@hubspot/ui-extensions/crm';
import { Answers } from './Answers';
import { today } from './judgement';
import { PROPERTIES, PROVISIONED } from './labels';
import type { LabelName } from './labels';
import { OverrideForm } from './OverrideForm';
import { fill, TEXTS } from './texts';
import { viewOf } from './view';
import type { Section, View } from './view';

const FURTHER: readonly LabelName[] = [
    'Class',
    'Class_Override',
    'Class_Warnings',
    'ICP_Completeness',
    'Plan_Test',
    'Plan_Warranted'
];
const properties = (labels: readonly LabelName[]) => labels.map((label) => PROPERTIES[label]);
const ALWAYS = properties(PROVISIONED);
const WHERE_MAPPED = properties(FURTHER);

/**
 * The KARE profile of the company. What counts is worked out from the record's properties, which HubSpot tells anew
 * after each edit, so that an override shows at once and not with the next sync.
 */
export function KareCard() {
    const { portal, user } = useExtensionContext<'crm.record.tab'>();
    const { properties: always, isLoading, error, refetch } = useCrmProperties(ALWAYS);
    // Apart, since many portals lack them: whatever HubSpot makes of that, the rest is shown.
    const { properties: mapped } = useCrmProperties(WHERE_MAPPED);
    if (isLoading) return <LoadingSpinner label={TEXTS.loading} showLabel />;
    if (error) return <Failed message={error.message} onRetry={() => void refetch()} />;
    const day = today(portal.timezone, new Date());
    return <Shown view={viewOf({ ...mapped, ...always }, day, user.locale)} day={day} />;
}

function Failed({ message, onRetry }: { message: string; onRetry: () => void }) {
    return (
        <ErrorState title={TEXTS.loadFailed}>
            <Text>{message}</Text>
            <Text>{TEXTS.missing}</Text>
            <Button onClick={onRetry}>{TEXTS.retry}</Button>
        </ErrorState>
    );
}

function Shown({ view, day }: { view: View; day: string }) {
    const [editing, setEditing] = useState(false);
    useToldOverride(view);
    return (
        <Flex direction="column" gap="small">
            <Head view={view} />
            {editing ? (
                <OverrideForm values={view.override} day={day} onDone={() => setEditing(false)} />
            ) : (
                <Button size="small" onClick={() => setEditing(true)}>
                    {view.override.Override ? TEXTS.changeOverride : TEXTS.override}
                </Button>
            )}
            <Judgement view={view} />
        </Flex>
    );
}

/** Says what counts now whenever the override changes while the card is open. */
function useToldOverride({ override: { Override }, profile, computed }: View) {
    const { addAlert } = useExtensionActions<'crm.record.tab'>();
    const before = useRef(Override);
    useEffect(() => {
        if (before.current === Override) return;
        before.current = Override;
        const message = Override ? fill(TEXTS.saved, profile ?? computed) : fill(TEXTS.removed, computed);
        addAlert({ type: 'success', message });
    }, [Override, profile, computed, addAlert]);
}

function Head({ view }: { view: View }) {
    return (
        <>
            {view.profile && (
                <Flex direction="row" gap="small" align="center">
                    <Heading>{view.profile}</Heading>
                    {view.badge && <Tag variant={view.badge.variant}>{view.badge.label}</Tag>}
                </Flex>
            )}
            {view.setBy && <Text>{view.setBy}</Text>}
        </>
    );
}

function Judgement({ view }: { view: View }) {
    return (
        <>
            {view.unlabelled && <Text>{TEXTS.noLabels}</Text>}
            {view.missing && <Text variant="microcopy">{TEXTS.missing}</Text>}
            {view.reason && <Text>{view.reason}</Text>}
            {view.changed && <Text variant="microcopy">{view.changed}</Text>}
            {view.pending && <Text variant="microcopy">{view.pending}</Text>}
            {view.facts.length > 0 && (
                <DescriptionList direction="row">
                    {view.facts.map(({ term, text }) => (
                        <DescriptionListItem key={term} label={term}>
                            <Text>{text}</Text>
                        </DescriptionListItem>
                    ))}
                </DescriptionList>
            )}
            {view.sections.map((section) => (
                <OnClick key={section.name} section={section} />
            ))}
        </>
    );
}

/** A section that is closed at first. */
function OnClick({ section: { label, lines, answers } }: { section: Section }) {
    return (
        <Accordion title={label} size="small">
            <Flex direction="column" gap="extra-small">
                {lines.map((line) => (
                    <Text key={line}>{line}</Text>
                ))}
                {answers.length > 0 && <Answers items={answers} />}
            </Flex>
        </Accordion>
    );
}
