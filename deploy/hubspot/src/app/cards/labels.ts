// Generated from crm_kare.labels by `make hubspot-source`: edits are lost.

export type LabelName = keyof typeof PROPERTIES;

/** Names of our properties by label. */
export const PROPERTIES = {
    Profile: "kare_profile",
    Computed_Profile: "kare_computed_profile",
    Previous_Profile: "kare_previous_profile",
    Changed_On: "kare_changed_on",
    Motion: "kare_motion",
    Badge: "kare_badge",
    Reason: "kare_reason",
    Reasons: "kare_reasons",
    Next_Step: "kare_next_step",
    Rank: "kare_rank",
    Plan_Test: "kare_plan_test",
    Plan_Warranted: "kare_plan_warranted",
    Class: "kare_class",
    Class_Warnings: "kare_class_warnings",
    ICP_Score: "icp_score",
    ICP_Tier: "icp_tier",
    ICP_Completeness: "icp_completeness",
    Rules_Version: "kare_rules_version",
    Override: "kare_override",
    Override_Reason: "kare_override_reason",
    Override_Until: "kare_override_until",
    Lapse_Reason: "kare_lapse_reason",
    Class_Override: "kare_class_override",
    Target: "kare_target"
} as const;

/** What people call them. */
export const TITLES = {
    Profile: "KARE Profile",
    Computed_Profile: "KARE Computed Profile",
    Previous_Profile: "KARE Previous Profile",
    Changed_On: "KARE Changed On",
    Motion: "KARE Motion",
    Badge: "KARE Badge",
    Reason: "KARE Reason",
    Reasons: "KARE Reasons",
    Next_Step: "KARE Next Step",
    Rank: "KARE Rank",
    Plan_Test: "KARE Plan Test",
    Plan_Warranted: "KARE Plan Warranted",
    Class: "KARE Class",
    Class_Warnings: "KARE Class Warnings",
    ICP_Score: "ICP Score",
    ICP_Tier: "ICP Tier",
    ICP_Completeness: "ICP Completeness",
    Rules_Version: "KARE Rules Version",
    Override: "KARE Override",
    Override_Reason: "KARE Override Reason",
    Override_Until: "KARE Override Until",
    Lapse_Reason: "KARE Lapse Reason",
    Class_Override: "KARE Class Override",
    Target: "KARE Target"
} as const;

/** Values of those that have options. */
export const OPTIONS = {
    Profile: ["Keep", "Attain", "Recapture", "Expand"],
    Computed_Profile: ["Keep", "Attain", "Recapture", "Expand"],
    Previous_Profile: ["Keep", "Attain", "Recapture", "Expand"],
    Motion: ["Acquire", "Grow", "Reactivate", "Retain", "Retire"],
    Badge: ["New", "At risk"],
    Plan_Warranted: ["Yes", "No"],
    Class: ["Strategic", "Key", "National", "SMB"],
    ICP_Tier: ["High", "Moderate", "Low", "Unrated"],
    Override: ["Keep", "Attain", "Recapture", "Expand", "None"],
    Lapse_Reason: ["Service failure", "Miscommunication", "Frozen budget", "New executive with another supplier", "Other"],
    Class_Override: ["Strategic", "Key", "National", "SMB"]
} as const;

/** Those that `provision` makes unless the mapping says otherwise. */
export const PROVISIONED: readonly LabelName[] = [
    "Profile",
    "Computed_Profile",
    "Previous_Profile",
    "Changed_On",
    "Motion",
    "Badge",
    "Reason",
    "Reasons",
    "Next_Step",
    "ICP_Score",
    "ICP_Tier",
    "Override",
    "Override_Reason",
    "Override_Until"
];
