// The component's texts are custom labels, so that an org can translate or reword them.
import cancel from '@salesforce/label/c.KARE_Cancel';
import changeOverride from '@salesforce/label/c.KARE_Change_Override';
import changedFrom from '@salesforce/label/c.KARE_Changed_From';
import changedOn from '@salesforce/label/c.KARE_Changed_On';
import chooseProfile from '@salesforce/label/c.KARE_Choose_Profile';
import accountClass from '@salesforce/label/c.KARE_Class';
import classWarnings from '@salesforce/label/c.KARE_Class_Warnings';
import computed from '@salesforce/label/c.KARE_Computed';
import giveReason from '@salesforce/label/c.KARE_Give_Reason';
import heading from '@salesforce/label/c.KARE_Heading';
import icp from '@salesforce/label/c.KARE_ICP';
import icpKnown from '@salesforce/label/c.KARE_ICP_Known';
import icpRange from '@salesforce/label/c.KARE_ICP_Range';
import icpScore from '@salesforce/label/c.KARE_ICP_Score';
import loadFailed from '@salesforce/label/c.KARE_Load_Failed';
import loading from '@salesforce/label/c.KARE_Loading';
import met from '@salesforce/label/c.KARE_Met';
import motion from '@salesforce/label/c.KARE_Motion';
import nextStep from '@salesforce/label/c.KARE_Next_Step';
import no from '@salesforce/label/c.KARE_No';
import noAccess from '@salesforce/label/c.KARE_No_Access';
import noLabels from '@salesforce/label/c.KARE_No_Labels';
import noProfile from '@salesforce/label/c.KARE_No_Profile';
import notAsked from '@salesforce/label/c.KARE_Not_Asked';
import notPast from '@salesforce/label/c.KARE_Not_Past';
import notSaved from '@salesforce/label/c.KARE_Not_Saved';
import override from '@salesforce/label/c.KARE_Override';
import overrideEnded from '@salesforce/label/c.KARE_Override_Ended';
import overrideProfile from '@salesforce/label/c.KARE_Override_Profile';
import overrideReason from '@salesforce/label/c.KARE_Override_Reason';
import overrideUntil from '@salesforce/label/c.KARE_Override_Until';
import overrideUntilHelp from '@salesforce/label/c.KARE_Override_Until_Help';
import partly from '@salesforce/label/c.KARE_Partly';
import pending from '@salesforce/label/c.KARE_Pending';
import planNo from '@salesforce/label/c.KARE_Plan_No';
import planTest from '@salesforce/label/c.KARE_Plan_Test';
import planYes from '@salesforce/label/c.KARE_Plan_Yes';
import reasons from '@salesforce/label/c.KARE_Reasons';
import removeOverride from '@salesforce/label/c.KARE_Remove_Override';
import removed from '@salesforce/label/c.KARE_Removed';
import save from '@salesforce/label/c.KARE_Save';
import saved from '@salesforce/label/c.KARE_Saved';
import saving from '@salesforce/label/c.KARE_Saving';
import setByPerson from '@salesforce/label/c.KARE_Set_By_Person';
import setByPersonUntil from '@salesforce/label/c.KARE_Set_By_Person_Until';
import unknown from '@salesforce/label/c.KARE_Unknown';
import unknownError from '@salesforce/label/c.KARE_Unknown_Error';
import unmet from '@salesforce/label/c.KARE_Unmet';
import yes from '@salesforce/label/c.KARE_Yes';

export const TEXTS = {
    cancel,
    changeOverride,
    changedFrom,
    changedOn,
    chooseProfile,
    accountClass,
    classWarnings,
    computed,
    giveReason,
    heading,
    icp,
    icpKnown,
    icpRange,
    icpScore,
    loadFailed,
    loading,
    met,
    motion,
    nextStep,
    no,
    noAccess,
    noLabels,
    noProfile,
    notAsked,
    notPast,
    notSaved,
    override,
    overrideEnded,
    overrideProfile,
    overrideReason,
    overrideUntil,
    overrideUntilHelp,
    partly,
    pending,
    planNo,
    planTest,
    planYes,
    reasons,
    removeOverride,
    removed,
    save,
    saved,
    saving,
    setByPerson,
    setByPersonUntil,
    unknown,
    unknownError,
    unmet,
    yes
};

/** The text with `{0}`, `{1}` … replaced. */
export const fill = (text, ...values) => text.replace(/\{(\d)\}/g, (_, place) => values[place]);
