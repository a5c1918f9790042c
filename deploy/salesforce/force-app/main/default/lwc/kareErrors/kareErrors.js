// What the Lightning Data Service says when it fails, in any of its forms.

/** The messages for people, at least one. */
export function messagesOf(error, fallback) {
    const bodies = [error?.body ?? []].flat();
    const found = bodies.flatMap(({ message, output }) => {
        const ofFields = Object.values(output?.fieldErrors ?? {}).flat();
        const exact = [...(output?.errors ?? []), ...ofFields].map((one) => one.message);
        return exact.length ? exact : [message];
    });
    const messages = [...new Set(found.length ? found : [error?.message])].filter(Boolean);
    return messages.length ? messages : [fallback];
}
