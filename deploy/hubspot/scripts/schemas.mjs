// What HubSpot's documentation says of the settings of the components that we have. HubSpot's own schemas are fetched by
// its CLI for a logged-in account and cannot be had without one.

const text = { type: 'string', minLength: 1 };
const texts = { type: 'array', items: text };
const exact = (properties, required = Object.keys(properties)) => ({
    type: 'object',
    properties,
    required,
    additionalProperties: false
});

const subscription = exact(
    {
        subscriptionType: { pattern: '^object\\.(creation|deletion|merge|restore|associationChange|propertyChange)$' },
        objectType: { enum: ['company', 'contact', 'deal', 'line_item', 'product'] },
        active: { type: 'boolean' },
        propertyName: { pattern: '^[a-z0-9_]+$' }
    },
    ['subscriptionType', 'objectType', 'active']
);

export const SCHEMAS = {
    APPLICATION: exact({
        name: text,
        description: text,
        distribution: { const: 'private' },
        auth: exact({
            type: { const: 'static' },
            requiredScopes: texts,
            optionalScopes: texts,
            conditionallyRequiredScopes: texts
        }),
        permittedUrls: exact({ fetch: texts, iframe: texts, img: texts })
    }),
    CARD: exact({
        name: text,
        description: text,
        location: { enum: ['crm.record.tab', 'crm.record.sidebar', 'crm.preview', 'helpdesk.sidebar'] },
        entrypoint: { pattern: '^/app/cards/\\w+\\.tsx$' },
        objectTypes: texts
    }),
    WEBHOOKS: exact({
        settings: exact({ targetUrl: { pattern: '^https://' }, maxConcurrentRequests: { type: 'integer' } }),
        subscriptions: exact({
            crmObjects: { type: 'array', items: subscription },
            legacyCrmObjects: { type: 'array' },
            hubEvents: { type: 'array' }
        })
    })
};
