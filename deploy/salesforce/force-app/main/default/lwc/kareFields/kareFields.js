// Generated from crm_kare.labels by `make salesforce-source`: edits are lost.
import Profile from '@salesforce/schema/Account.KARE_Profile__c';
import ComputedProfile from '@salesforce/schema/Account.KARE_Computed_Profile__c';
import PreviousProfile from '@salesforce/schema/Account.KARE_Previous_Profile__c';
import ChangedOn from '@salesforce/schema/Account.KARE_Changed_On__c';
import Motion from '@salesforce/schema/Account.KARE_Motion__c';
import Badge from '@salesforce/schema/Account.KARE_Badge__c';
import Reason from '@salesforce/schema/Account.KARE_Reason__c';
import Reasons from '@salesforce/schema/Account.KARE_Reasons__c';
import NextStep from '@salesforce/schema/Account.KARE_Next_Step__c';
import Rank from '@salesforce/schema/Account.KARE_Rank__c';
import PlanTest from '@salesforce/schema/Account.KARE_Plan_Test__c';
import PlanWarranted from '@salesforce/schema/Account.KARE_Plan_Warranted__c';
import Class from '@salesforce/schema/Account.KARE_Class__c';
import ClassWarnings from '@salesforce/schema/Account.KARE_Class_Warnings__c';
import ICPScore from '@salesforce/schema/Account.ICP_Score__c';
import ICPTier from '@salesforce/schema/Account.ICP_Tier__c';
import ICPCompleteness from '@salesforce/schema/Account.ICP_Completeness__c';
import RulesVersion from '@salesforce/schema/Account.KARE_Rules_Version__c';
import Override from '@salesforce/schema/Account.KARE_Override__c';
import OverrideReason from '@salesforce/schema/Account.KARE_Override_Reason__c';
import OverrideUntil from '@salesforce/schema/Account.KARE_Override_Until__c';
import LapseReason from '@salesforce/schema/Account.KARE_Lapse_Reason__c';
import ClassOverride from '@salesforce/schema/Account.KARE_Class_Override__c';
import Target from '@salesforce/schema/Account.KARE_Target__c';

export const FIELDS = {
    Profile,
    ComputedProfile,
    PreviousProfile,
    ChangedOn,
    Motion,
    Badge,
    Reason,
    Reasons,
    NextStep,
    Rank,
    PlanTest,
    PlanWarranted,
    Class,
    ClassWarnings,
    ICPScore,
    ICPTier,
    ICPCompleteness,
    RulesVersion,
    Override,
    OverrideReason,
    OverrideUntil,
    LapseReason,
    ClassOverride,
    Target
};

// The only fields that the component writes.
export const OVERRIDE_FIELDS = { Override, OverrideReason, OverrideUntil };
