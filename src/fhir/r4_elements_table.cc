// Written by tools/make_fhir_elements.py from the definitions of FHIR R4 4.0.1. Not to be edited.
// clang-format off
#include "fhir/r4_elements_table.h"

namespace mitral::fhir {

// The types of a choice that takes any: Extension.value[x] and others.
extern const std::string_view kR4OpenTypes =
    "base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt "
    "string time unsignedInt uri url uuid Address Age Annotation Attachment CodeableConcept Coding "
    "ContactPoint Count Distance Duration HumanName Identifier Money Period Quantity Range Ratio Reference "
    "SampledData Signature Timing ContactDetail Contributor DataRequirement Expression ParameterDefinition "
    "RelatedArtifact TriggerDefinition UsageContext Dosage Meta";

extern const R4TypeRow kR4Types[] = {
    {"Account", 196, R4Form::resource,
     "identifier*Identifier status:code type:CodeableConcept name:string subject*Reference "
     "servicePeriod:Period coverage*Account.coverage owner:Reference description:string "
     "guarantor*Account.guarantor partOf:Reference"},
    {"Account.coverage", 24, R4Form::complex,
     "coverage:Reference priority:positiveInt"},
    {"Account.guarantor", 24, R4Form::complex,
     "party:Reference onHold:boolean period:Period"},
    {"ActivityDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string subtitle:string status:code "
     "experimental:boolean subject#CodeableConcept|Reference date:dateTime publisher:string "
     "contact*ContactDetail description:markdown useContext*UsageContext jurisdiction*CodeableConcept "
     "purpose:markdown usage:string copyright:markdown approvalDate:date lastReviewDate:date "
     "effectivePeriod:Period topic*CodeableConcept author*ContactDetail editor*ContactDetail "
     "reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact library*canonical "
     "kind:code profile:canonical code:CodeableConcept intent:code priority:code doNotPerform:boolean "
     "timing#Timing|dateTime|Age|Period|Range|Duration location:Reference "
     "participant*ActivityDefinition.participant product#Reference|CodeableConcept quantity:Quantity "
     "dosage*Dosage bodySite*CodeableConcept specimenRequirement*Reference observationRequirement*Reference "
     "observationResultRequirement*Reference transform:canonical dynamicValue*ActivityDefinition.dynamicValue"},
    {"ActivityDefinition.dynamicValue", 24, R4Form::complex,
     "path:string expression:Expression"},
    {"ActivityDefinition.participant", 24, R4Form::complex,
     "type:code role:CodeableConcept"},
    {"Address", 207, R4Form::complex,
     "use:code type:code text:string line*string city:string district:string state:string postalCode:string "
     "country:string period:Period"},
    {"AdverseEvent", 196, R4Form::resource,
     "identifier:Identifier actuality:code category*CodeableConcept event:CodeableConcept subject:Reference "
     "encounter:Reference date:dateTime detected:dateTime recordedDate:dateTime resultingCondition*Reference "
     "location:Reference seriousness:CodeableConcept severity:CodeableConcept outcome:CodeableConcept "
     "recorder:Reference contributor*Reference suspectEntity*AdverseEvent.suspectEntity "
     "subjectMedicalHistory*Reference referenceDocument*Reference study*Reference"},
    {"AdverseEvent.suspectEntity", 24, R4Form::complex,
     "instance:Reference causality*AdverseEvent.suspectEntity.causality"},
    {"AdverseEvent.suspectEntity.causality", 24, R4Form::complex,
     "assessment:CodeableConcept productRelatedness:string author:Reference method:CodeableConcept"},
    {"Age", 488, R4Form::complex,
     ""},
    {"AllergyIntolerance", 196, R4Form::resource,
     "identifier*Identifier clinicalStatus:CodeableConcept verificationStatus:CodeableConcept type:code "
     "category*code criticality:code code:CodeableConcept patient:Reference encounter:Reference "
     "onset#dateTime|Age|Period|Range|string recordedDate:dateTime recorder:Reference asserter:Reference "
     "lastOccurrence:dateTime note*Annotation reaction*AllergyIntolerance.reaction"},
    {"AllergyIntolerance.reaction", 24, R4Form::complex,
     "substance:CodeableConcept manifestation*CodeableConcept description:string onset:dateTime severity:code "
     "exposureRoute:CodeableConcept note*Annotation"},
    {"Annotation", 207, R4Form::complex,
     "author#Reference|string time:dateTime text:markdown"},
    {"Appointment", 196, R4Form::resource,
     "identifier*Identifier status:code cancelationReason:CodeableConcept serviceCategory*CodeableConcept "
     "serviceType*CodeableConcept specialty*CodeableConcept appointmentType:CodeableConcept "
     "reasonCode*CodeableConcept reasonReference*Reference priority:unsignedInt description:string "
     "supportingInformation*Reference start:instant end:instant minutesDuration:positiveInt slot*Reference "
     "created:dateTime comment:string patientInstruction:string basedOn*Reference "
     "participant*Appointment.participant requestedPeriod*Period"},
    {"Appointment.participant", 24, R4Form::complex,
     "type*CodeableConcept actor:Reference required:code status:code period:Period"},
    {"AppointmentResponse", 196, R4Form::resource,
     "identifier*Identifier appointment:Reference start:instant end:instant participantType*CodeableConcept "
     "actor:Reference participantStatus:code comment:string"},
    {"Attachment", 207, R4Form::complex,
     "contentType:code language:code data:base64Binary url:url size:unsignedInt hash:base64Binary "
     "title:string creation:dateTime"},
    {"AuditEvent", 196, R4Form::resource,
     "type:Coding subtype*Coding action:code period:Period recorded:instant outcome:code outcomeDesc:string "
     "purposeOfEvent*CodeableConcept agent*AuditEvent.agent source:AuditEvent.source entity*AuditEvent.entity"},
    {"AuditEvent.agent", 24, R4Form::complex,
     "type:CodeableConcept role*CodeableConcept who:Reference altId:string name:string requestor:boolean "
     "location:Reference policy*uri media:Coding network:AuditEvent.agent.network "
     "purposeOfUse*CodeableConcept"},
    {"AuditEvent.agent.network", 24, R4Form::complex,
     "address:string type:code"},
    {"AuditEvent.entity", 24, R4Form::complex,
     "what:Reference type:Coding role:Coding lifecycle:Coding securityLabel*Coding name:string "
     "description:string query:base64Binary detail*AuditEvent.entity.detail"},
    {"AuditEvent.entity.detail", 24, R4Form::complex,
     "type:string value#string|base64Binary"},
    {"AuditEvent.source", 24, R4Form::complex,
     "site:string observer:Reference type*Coding"},
    {"BackboneElement", 207, R4Form::complex,
     "modifierExtension*Extension"},
    {"Basic", 196, R4Form::resource,
     "identifier*Identifier code:CodeableConcept subject:Reference created:date author:Reference"},
    {"Binary", 514, R4Form::resource,
     "contentType:code securityContext:Reference data:base64Binary"},
    {"BiologicallyDerivedProduct", 196, R4Form::resource,
     "identifier*Identifier productCategory:code productCode:CodeableConcept status:code request*Reference "
     "quantity:integer parent*Reference collection:BiologicallyDerivedProduct.collection "
     "processing*BiologicallyDerivedProduct.processing manipulation:BiologicallyDerivedProduct.manipulation "
     "storage*BiologicallyDerivedProduct.storage"},
    {"BiologicallyDerivedProduct.collection", 24, R4Form::complex,
     "collector:Reference source:Reference collected#dateTime|Period"},
    {"BiologicallyDerivedProduct.manipulation", 24, R4Form::complex,
     "description:string time#dateTime|Period"},
    {"BiologicallyDerivedProduct.processing", 24, R4Form::complex,
     "description:string procedure:CodeableConcept additive:Reference time#dateTime|Period"},
    {"BiologicallyDerivedProduct.storage", 24, R4Form::complex,
     "description:string temperature:decimal scale:code duration:Period"},
    {"BodyStructure", 196, R4Form::resource,
     "identifier*Identifier active:boolean morphology:CodeableConcept location:CodeableConcept "
     "locationQualifier*CodeableConcept description:string image*Attachment patient:Reference"},
    {"Bundle", 514, R4Form::resource,
     "identifier:Identifier type:code timestamp:instant total:unsignedInt link*Bundle.link entry*Bundle.entry "
     "signature:Signature"},
    {"Bundle.entry", 24, R4Form::complex,
     "link*Bundle.link fullUrl:uri resource:Resource search:Bundle.entry.search request:Bundle.entry.request "
     "response:Bundle.entry.response"},
    {"Bundle.entry.request", 24, R4Form::complex,
     "method:code url:uri ifNoneMatch:string ifModifiedSince:instant ifMatch:string ifNoneExist:string"},
    {"Bundle.entry.response", 24, R4Form::complex,
     "status:string location:uri etag:string lastModified:instant outcome:Resource"},
    {"Bundle.entry.search", 24, R4Form::complex,
     "mode:code score:decimal"},
    {"Bundle.link", 24, R4Form::complex,
     "relation:string url:uri"},
    {"CapabilityStatement", 196, R4Form::resource,
     "url:uri version:string name:string title:string status:code experimental:boolean date:dateTime "
     "publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown copyright:markdown kind:code instantiates*canonical "
     "imports*canonical software:CapabilityStatement.software "
     "implementation:CapabilityStatement.implementation fhirVersion:code format*code patchFormat*code "
     "implementationGuide*canonical rest*CapabilityStatement.rest messaging*CapabilityStatement.messaging "
     "document*CapabilityStatement.document"},
    {"CapabilityStatement.document", 24, R4Form::complex,
     "mode:code documentation:markdown profile:canonical"},
    {"CapabilityStatement.implementation", 24, R4Form::complex,
     "description:string url:url custodian:Reference"},
    {"CapabilityStatement.messaging", 24, R4Form::complex,
     "endpoint*CapabilityStatement.messaging.endpoint reliableCache:unsignedInt documentation:markdown "
     "supportedMessage*CapabilityStatement.messaging.supportedMessage"},
    {"CapabilityStatement.messaging.endpoint", 24, R4Form::complex,
     "protocol:Coding address:url"},
    {"CapabilityStatement.messaging.supportedMessage", 24, R4Form::complex,
     "mode:code definition:canonical"},
    {"CapabilityStatement.rest", 24, R4Form::complex,
     "mode:code documentation:markdown security:CapabilityStatement.rest.security "
     "resource*CapabilityStatement.rest.resource interaction*CapabilityStatement.rest.interaction "
     "searchParam*CapabilityStatement.rest.resource.searchParam "
     "operation*CapabilityStatement.rest.resource.operation compartment*canonical"},
    {"CapabilityStatement.rest.interaction", 24, R4Form::complex,
     "code:code documentation:markdown"},
    {"CapabilityStatement.rest.resource", 24, R4Form::complex,
     "type:code profile:canonical supportedProfile*canonical documentation:markdown "
     "interaction*CapabilityStatement.rest.resource.interaction versioning:code readHistory:boolean "
     "updateCreate:boolean conditionalCreate:boolean conditionalRead:code conditionalUpdate:boolean "
     "conditionalDelete:code referencePolicy*code searchInclude*string searchRevInclude*string "
     "searchParam*CapabilityStatement.rest.resource.searchParam "
     "operation*CapabilityStatement.rest.resource.operation"},
    {"CapabilityStatement.rest.resource.interaction", 24, R4Form::complex,
     "code:code documentation:markdown"},
    {"CapabilityStatement.rest.resource.operation", 24, R4Form::complex,
     "name:string definition:canonical documentation:markdown"},
    {"CapabilityStatement.rest.resource.searchParam", 24, R4Form::complex,
     "name:string definition:canonical type:code documentation:markdown"},
    {"CapabilityStatement.rest.security", 24, R4Form::complex,
     "cors:boolean service*CodeableConcept description:markdown"},
    {"CapabilityStatement.software", 24, R4Form::complex,
     "name:string version:string releaseDate:dateTime"},
    {"CarePlan", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri basedOn*Reference "
     "replaces*Reference partOf*Reference status:code intent:code category*CodeableConcept title:string "
     "description:string subject:Reference encounter:Reference period:Period created:dateTime "
     "author:Reference contributor*Reference careTeam*Reference addresses*Reference supportingInfo*Reference "
     "goal*Reference activity*CarePlan.activity note*Annotation"},
    {"CarePlan.activity", 24, R4Form::complex,
     "outcomeCodeableConcept*CodeableConcept outcomeReference*Reference progress*Annotation "
     "reference:Reference detail:CarePlan.activity.detail"},
    {"CarePlan.activity.detail", 24, R4Form::complex,
     "kind:code instantiatesCanonical*canonical instantiatesUri*uri code:CodeableConcept "
     "reasonCode*CodeableConcept reasonReference*Reference goal*Reference status:code "
     "statusReason:CodeableConcept doNotPerform:boolean scheduled#Timing|Period|string location:Reference "
     "performer*Reference product#CodeableConcept|Reference dailyAmount:Quantity quantity:Quantity "
     "description:string"},
    {"CareTeam", 196, R4Form::resource,
     "identifier*Identifier status:code category*CodeableConcept name:string subject:Reference "
     "encounter:Reference period:Period participant*CareTeam.participant reasonCode*CodeableConcept "
     "reasonReference*Reference managingOrganization*Reference telecom*ContactPoint note*Annotation"},
    {"CareTeam.participant", 24, R4Form::complex,
     "role*CodeableConcept member:Reference onBehalfOf:Reference period:Period"},
    {"CatalogEntry", 196, R4Form::resource,
     "identifier*Identifier type:CodeableConcept orderable:boolean referencedItem:Reference "
     "additionalIdentifier*Identifier classification*CodeableConcept status:code validityPeriod:Period "
     "validTo:dateTime lastUpdated:dateTime additionalCharacteristic*CodeableConcept "
     "additionalClassification*CodeableConcept relatedEntry*CatalogEntry.relatedEntry"},
    {"CatalogEntry.relatedEntry", 24, R4Form::complex,
     "relationtype:code item:Reference"},
    {"ChargeItem", 196, R4Form::resource,
     "identifier*Identifier definitionUri*uri definitionCanonical*canonical status:code partOf*Reference "
     "code:CodeableConcept subject:Reference context:Reference occurrence#dateTime|Period|Timing "
     "performer*ChargeItem.performer performingOrganization:Reference requestingOrganization:Reference "
     "costCenter:Reference quantity:Quantity bodysite*CodeableConcept factorOverride:decimal "
     "priceOverride:Money overrideReason:string enterer:Reference enteredDate:dateTime reason*CodeableConcept "
     "service*Reference product#Reference|CodeableConcept account*Reference note*Annotation "
     "supportingInformation*Reference"},
    {"ChargeItem.performer", 24, R4Form::complex,
     "function:CodeableConcept actor:Reference"},
    {"ChargeItemDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string title:string derivedFromUri*uri partOf*canonical "
     "replaces*canonical status:code experimental:boolean date:dateTime publisher:string "
     "contact*ContactDetail description:markdown useContext*UsageContext jurisdiction*CodeableConcept "
     "copyright:markdown approvalDate:date lastReviewDate:date effectivePeriod:Period code:CodeableConcept "
     "instance*Reference applicability*ChargeItemDefinition.applicability "
     "propertyGroup*ChargeItemDefinition.propertyGroup"},
    {"ChargeItemDefinition.applicability", 24, R4Form::complex,
     "description:string language:string expression:string"},
    {"ChargeItemDefinition.propertyGroup", 24, R4Form::complex,
     "applicability*ChargeItemDefinition.applicability "
     "priceComponent*ChargeItemDefinition.propertyGroup.priceComponent"},
    {"ChargeItemDefinition.propertyGroup.priceComponent", 24, R4Form::complex,
     "type:code code:CodeableConcept factor:decimal amount:Money"},
    {"Claim", 196, R4Form::resource,
     "identifier*Identifier status:code type:CodeableConcept subType:CodeableConcept use:code "
     "patient:Reference billablePeriod:Period created:dateTime enterer:Reference insurer:Reference "
     "provider:Reference priority:CodeableConcept fundsReserve:CodeableConcept related*Claim.related "
     "prescription:Reference originalPrescription:Reference payee:Claim.payee referral:Reference "
     "facility:Reference careTeam*Claim.careTeam supportingInfo*Claim.supportingInfo "
     "diagnosis*Claim.diagnosis procedure*Claim.procedure insurance*Claim.insurance accident:Claim.accident "
     "item*Claim.item total:Money"},
    {"Claim.accident", 24, R4Form::complex,
     "date:date type:CodeableConcept location#Address|Reference"},
    {"Claim.careTeam", 24, R4Form::complex,
     "sequence:positiveInt provider:Reference responsible:boolean role:CodeableConcept "
     "qualification:CodeableConcept"},
    {"Claim.diagnosis", 24, R4Form::complex,
     "sequence:positiveInt diagnosis#CodeableConcept|Reference type*CodeableConcept "
     "onAdmission:CodeableConcept packageCode:CodeableConcept"},
    {"Claim.insurance", 24, R4Form::complex,
     "sequence:positiveInt focal:boolean identifier:Identifier coverage:Reference businessArrangement:string "
     "preAuthRef*string claimResponse:Reference"},
    {"Claim.item", 24, R4Form::complex,
     "sequence:positiveInt careTeamSequence*positiveInt diagnosisSequence*positiveInt "
     "procedureSequence*positiveInt informationSequence*positiveInt revenue:CodeableConcept "
     "category:CodeableConcept productOrService:CodeableConcept modifier*CodeableConcept "
     "programCode*CodeableConcept serviced#date|Period location#CodeableConcept|Address|Reference "
     "quantity:Quantity unitPrice:Money factor:decimal net:Money udi*Reference bodySite:CodeableConcept "
     "subSite*CodeableConcept encounter*Reference detail*Claim.item.detail"},
    {"Claim.item.detail", 24, R4Form::complex,
     "sequence:positiveInt revenue:CodeableConcept category:CodeableConcept productOrService:CodeableConcept "
     "modifier*CodeableConcept programCode*CodeableConcept quantity:Quantity unitPrice:Money factor:decimal "
     "net:Money udi*Reference subDetail*Claim.item.detail.subDetail"},
    {"Claim.item.detail.subDetail", 24, R4Form::complex,
     "sequence:positiveInt revenue:CodeableConcept category:CodeableConcept productOrService:CodeableConcept "
     "modifier*CodeableConcept programCode*CodeableConcept quantity:Quantity unitPrice:Money factor:decimal "
     "net:Money udi*Reference"},
    {"Claim.payee", 24, R4Form::complex,
     "type:CodeableConcept party:Reference"},
    {"Claim.procedure", 24, R4Form::complex,
     "sequence:positiveInt type*CodeableConcept date:dateTime procedure#CodeableConcept|Reference "
     "udi*Reference"},
    {"Claim.related", 24, R4Form::complex,
     "claim:Reference relationship:CodeableConcept reference:Identifier"},
    {"Claim.supportingInfo", 24, R4Form::complex,
     "sequence:positiveInt category:CodeableConcept code:CodeableConcept timing#date|Period "
     "value#boolean|string|Quantity|Attachment|Reference reason:CodeableConcept"},
    {"ClaimResponse", 196, R4Form::resource,
     "identifier*Identifier status:code type:CodeableConcept subType:CodeableConcept use:code "
     "patient:Reference created:dateTime insurer:Reference requestor:Reference request:Reference outcome:code "
     "disposition:string preAuthRef:string preAuthPeriod:Period payeeType:CodeableConcept "
     "item*ClaimResponse.item addItem*ClaimResponse.addItem adjudication*ClaimResponse.item.adjudication "
     "total*ClaimResponse.total payment:ClaimResponse.payment fundsReserve:CodeableConcept "
     "formCode:CodeableConcept form:Attachment processNote*ClaimResponse.processNote "
     "communicationRequest*Reference insurance*ClaimResponse.insurance error*ClaimResponse.error"},
    {"ClaimResponse.addItem", 24, R4Form::complex,
     "itemSequence*positiveInt detailSequence*positiveInt subdetailSequence*positiveInt provider*Reference "
     "productOrService:CodeableConcept modifier*CodeableConcept programCode*CodeableConcept "
     "serviced#date|Period location#CodeableConcept|Address|Reference quantity:Quantity unitPrice:Money "
     "factor:decimal net:Money bodySite:CodeableConcept subSite*CodeableConcept noteNumber*positiveInt "
     "adjudication*ClaimResponse.item.adjudication detail*ClaimResponse.addItem.detail"},
    {"ClaimResponse.addItem.detail", 24, R4Form::complex,
     "productOrService:CodeableConcept modifier*CodeableConcept quantity:Quantity unitPrice:Money "
     "factor:decimal net:Money noteNumber*positiveInt adjudication*ClaimResponse.item.adjudication "
     "subDetail*ClaimResponse.addItem.detail.subDetail"},
    {"ClaimResponse.addItem.detail.subDetail", 24, R4Form::complex,
     "productOrService:CodeableConcept modifier*CodeableConcept quantity:Quantity unitPrice:Money "
     "factor:decimal net:Money noteNumber*positiveInt adjudication*ClaimResponse.item.adjudication"},
    {"ClaimResponse.error", 24, R4Form::complex,
     "itemSequence:positiveInt detailSequence:positiveInt subDetailSequence:positiveInt code:CodeableConcept"},
    {"ClaimResponse.insurance", 24, R4Form::complex,
     "sequence:positiveInt focal:boolean coverage:Reference businessArrangement:string "
     "claimResponse:Reference"},
    {"ClaimResponse.item", 24, R4Form::complex,
     "itemSequence:positiveInt noteNumber*positiveInt adjudication*ClaimResponse.item.adjudication "
     "detail*ClaimResponse.item.detail"},
    {"ClaimResponse.item.adjudication", 24, R4Form::complex,
     "category:CodeableConcept reason:CodeableConcept amount:Money value:decimal"},
    {"ClaimResponse.item.detail", 24, R4Form::complex,
     "detailSequence:positiveInt noteNumber*positiveInt adjudication*ClaimResponse.item.adjudication "
     "subDetail*ClaimResponse.item.detail.subDetail"},
    {"ClaimResponse.item.detail.subDetail", 24, R4Form::complex,
     "subDetailSequence:positiveInt noteNumber*positiveInt adjudication*ClaimResponse.item.adjudication"},
    {"ClaimResponse.payment", 24, R4Form::complex,
     "type:CodeableConcept adjustment:Money adjustmentReason:CodeableConcept date:date amount:Money "
     "identifier:Identifier"},
    {"ClaimResponse.processNote", 24, R4Form::complex,
     "number:positiveInt type:code text:string language:CodeableConcept"},
    {"ClaimResponse.total", 24, R4Form::complex,
     "category:CodeableConcept amount:Money"},
    {"ClinicalImpression", 196, R4Form::resource,
     "identifier*Identifier status:code statusReason:CodeableConcept code:CodeableConcept description:string "
     "subject:Reference encounter:Reference effective#dateTime|Period date:dateTime assessor:Reference "
     "previous:Reference problem*Reference investigation*ClinicalImpression.investigation protocol*uri "
     "summary:string finding*ClinicalImpression.finding prognosisCodeableConcept*CodeableConcept "
     "prognosisReference*Reference supportingInfo*Reference note*Annotation"},
    {"ClinicalImpression.finding", 24, R4Form::complex,
     "itemCodeableConcept:CodeableConcept itemReference:Reference basis:string"},
    {"ClinicalImpression.investigation", 24, R4Form::complex,
     "code:CodeableConcept item*Reference"},
    {"CodeSystem", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string status:code experimental:boolean "
     "date:dateTime publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown copyright:markdown caseSensitive:boolean "
     "valueSet:canonical hierarchyMeaning:code compositional:boolean versionNeeded:boolean content:code "
     "supplements:canonical count:unsignedInt filter*CodeSystem.filter property*CodeSystem.property "
     "concept*CodeSystem.concept"},
    {"CodeSystem.concept", 24, R4Form::complex,
     "code:code display:string definition:string designation*CodeSystem.concept.designation "
     "property*CodeSystem.concept.property concept*CodeSystem.concept"},
    {"CodeSystem.concept.designation", 24, R4Form::complex,
     "language:code use:Coding value:string"},
    {"CodeSystem.concept.property", 24, R4Form::complex,
     "code:code value#code|Coding|string|integer|boolean|dateTime|decimal"},
    {"CodeSystem.filter", 24, R4Form::complex,
     "code:code description:string operator*code value:string"},
    {"CodeSystem.property", 24, R4Form::complex,
     "code:code uri:uri description:string type:code"},
    {"CodeableConcept", 207, R4Form::complex,
     "coding*Coding text:string"},
    {"Coding", 207, R4Form::complex,
     "system:uri version:string code:code display:string userSelected:boolean"},
    {"Communication", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri basedOn*Reference "
     "partOf*Reference inResponseTo*Reference status:code statusReason:CodeableConcept "
     "category*CodeableConcept priority:code medium*CodeableConcept subject:Reference topic:CodeableConcept "
     "about*Reference encounter:Reference sent:dateTime received:dateTime recipient*Reference "
     "sender:Reference reasonCode*CodeableConcept reasonReference*Reference payload*Communication.payload "
     "note*Annotation"},
    {"Communication.payload", 24, R4Form::complex,
     "content#string|Attachment|Reference"},
    {"CommunicationRequest", 196, R4Form::resource,
     "identifier*Identifier basedOn*Reference replaces*Reference groupIdentifier:Identifier status:code "
     "statusReason:CodeableConcept category*CodeableConcept priority:code doNotPerform:boolean "
     "medium*CodeableConcept subject:Reference about*Reference encounter:Reference "
     "payload*CommunicationRequest.payload occurrence#dateTime|Period authoredOn:dateTime requester:Reference "
     "recipient*Reference sender:Reference reasonCode*CodeableConcept reasonReference*Reference "
     "note*Annotation"},
    {"CommunicationRequest.payload", 24, R4Form::complex,
     "content#string|Attachment|Reference"},
    {"CompartmentDefinition", 196, R4Form::resource,
     "url:uri version:string name:string status:code experimental:boolean date:dateTime publisher:string "
     "contact*ContactDetail description:markdown useContext*UsageContext purpose:markdown code:code "
     "search:boolean resource*CompartmentDefinition.resource"},
    {"CompartmentDefinition.resource", 24, R4Form::complex,
     "code:code param*string documentation:string"},
    {"Composition", 196, R4Form::resource,
     "identifier:Identifier status:code type:CodeableConcept category*CodeableConcept subject:Reference "
     "encounter:Reference date:dateTime author*Reference title:string confidentiality:code "
     "attester*Composition.attester custodian:Reference relatesTo*Composition.relatesTo "
     "event*Composition.event section*Composition.section"},
    {"Composition.attester", 24, R4Form::complex,
     "mode:code time:dateTime party:Reference"},
    {"Composition.event", 24, R4Form::complex,
     "code*CodeableConcept period:Period detail*Reference"},
    {"Composition.relatesTo", 24, R4Form::complex,
     "code:code target#Identifier|Reference"},
    {"Composition.section", 24, R4Form::complex,
     "title:string code:CodeableConcept author*Reference focus:Reference text:Narrative mode:code "
     "orderedBy:CodeableConcept entry*Reference emptyReason:CodeableConcept section*Composition.section"},
    {"ConceptMap", 196, R4Form::resource,
     "url:uri identifier:Identifier version:string name:string title:string status:code experimental:boolean "
     "date:dateTime publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown copyright:markdown source#uri|canonical "
     "target#uri|canonical group*ConceptMap.group"},
    {"ConceptMap.group", 24, R4Form::complex,
     "source:uri sourceVersion:string target:uri targetVersion:string element*ConceptMap.group.element "
     "unmapped:ConceptMap.group.unmapped"},
    {"ConceptMap.group.element", 24, R4Form::complex,
     "code:code display:string target*ConceptMap.group.element.target"},
    {"ConceptMap.group.element.target", 24, R4Form::complex,
     "code:code display:string equivalence:code comment:string "
     "dependsOn*ConceptMap.group.element.target.dependsOn product*ConceptMap.group.element.target.dependsOn"},
    {"ConceptMap.group.element.target.dependsOn", 24, R4Form::complex,
     "property:uri system:canonical value:string display:string"},
    {"ConceptMap.group.unmapped", 24, R4Form::complex,
     "mode:code code:code display:string url:canonical"},
    {"Condition", 196, R4Form::resource,
     "identifier*Identifier clinicalStatus:CodeableConcept verificationStatus:CodeableConcept "
     "category*CodeableConcept severity:CodeableConcept code:CodeableConcept bodySite*CodeableConcept "
     "subject:Reference encounter:Reference onset#dateTime|Age|Period|Range|string "
     "abatement#dateTime|Age|Period|Range|string recordedDate:dateTime recorder:Reference asserter:Reference "
     "stage*Condition.stage evidence*Condition.evidence note*Annotation"},
    {"Condition.evidence", 24, R4Form::complex,
     "code*CodeableConcept detail*Reference"},
    {"Condition.stage", 24, R4Form::complex,
     "summary:CodeableConcept assessment*Reference type:CodeableConcept"},
    {"Consent", 196, R4Form::resource,
     "identifier*Identifier status:code scope:CodeableConcept category*CodeableConcept patient:Reference "
     "dateTime:dateTime performer*Reference organization*Reference source#Attachment|Reference "
     "policy*Consent.policy policyRule:CodeableConcept verification*Consent.verification "
     "provision:Consent.provision"},
    {"Consent.policy", 24, R4Form::complex,
     "authority:uri uri:uri"},
    {"Consent.provision", 24, R4Form::complex,
     "type:code period:Period actor*Consent.provision.actor action*CodeableConcept securityLabel*Coding "
     "purpose*Coding class*Coding code*CodeableConcept dataPeriod:Period data*Consent.provision.data "
     "provision*Consent.provision"},
    {"Consent.provision.actor", 24, R4Form::complex,
     "role:CodeableConcept reference:Reference"},
    {"Consent.provision.data", 24, R4Form::complex,
     "meaning:code reference:Reference"},
    {"Consent.verification", 24, R4Form::complex,
     "verified:boolean verifiedWith:Reference verificationDate:dateTime"},
    {"ContactDetail", 207, R4Form::complex,
     "name:string telecom*ContactPoint"},
    {"ContactPoint", 207, R4Form::complex,
     "system:code value:string use:code rank:positiveInt period:Period"},
    {"Contract", 196, R4Form::resource,
     "identifier*Identifier url:uri version:string status:code legalState:CodeableConcept "
     "instantiatesCanonical:Reference instantiatesUri:uri contentDerivative:CodeableConcept issued:dateTime "
     "applies:Period expirationType:CodeableConcept subject*Reference authority*Reference domain*Reference "
     "site*Reference name:string title:string subtitle:string alias*string author:Reference "
     "scope:CodeableConcept topic#CodeableConcept|Reference type:CodeableConcept subType*CodeableConcept "
     "contentDefinition:Contract.contentDefinition term*Contract.term supportingInfo*Reference "
     "relevantHistory*Reference signer*Contract.signer friendly*Contract.friendly legal*Contract.legal "
     "rule*Contract.rule legallyBinding#Attachment|Reference"},
    {"Contract.contentDefinition", 24, R4Form::complex,
     "type:CodeableConcept subType:CodeableConcept publisher:Reference publicationDate:dateTime "
     "publicationStatus:code copyright:markdown"},
    {"Contract.friendly", 24, R4Form::complex,
     "content#Attachment|Reference"},
    {"Contract.legal", 24, R4Form::complex,
     "content#Attachment|Reference"},
    {"Contract.rule", 24, R4Form::complex,
     "content#Attachment|Reference"},
    {"Contract.signer", 24, R4Form::complex,
     "type:Coding party:Reference signature*Signature"},
    {"Contract.term", 24, R4Form::complex,
     "identifier:Identifier issued:dateTime applies:Period topic#CodeableConcept|Reference "
     "type:CodeableConcept subType:CodeableConcept text:string securityLabel*Contract.term.securityLabel "
     "offer:Contract.term.offer asset*Contract.term.asset action*Contract.term.action group*Contract.term"},
    {"Contract.term.action", 24, R4Form::complex,
     "doNotPerform:boolean type:CodeableConcept subject*Contract.term.action.subject intent:CodeableConcept "
     "linkId*string status:CodeableConcept context:Reference contextLinkId*string "
     "occurrence#dateTime|Period|Timing requester*Reference requesterLinkId*string "
     "performerType*CodeableConcept performerRole:CodeableConcept performer:Reference performerLinkId*string "
     "reasonCode*CodeableConcept reasonReference*Reference reason*string reasonLinkId*string note*Annotation "
     "securityLabelNumber*unsignedInt"},
    {"Contract.term.action.subject", 24, R4Form::complex,
     "reference*Reference role:CodeableConcept"},
    {"Contract.term.asset", 24, R4Form::complex,
     "scope:CodeableConcept type*CodeableConcept typeReference*Reference subtype*CodeableConcept "
     "relationship:Coding context*Contract.term.asset.context condition:string periodType*CodeableConcept "
     "period*Period usePeriod*Period text:string linkId*string answer*Contract.term.offer.answer "
     "securityLabelNumber*unsignedInt valuedItem*Contract.term.asset.valuedItem"},
    {"Contract.term.asset.context", 24, R4Form::complex,
     "reference:Reference code*CodeableConcept text:string"},
    {"Contract.term.asset.valuedItem", 24, R4Form::complex,
     "entity#CodeableConcept|Reference identifier:Identifier effectiveTime:dateTime quantity:Quantity "
     "unitPrice:Money factor:decimal points:decimal net:Money payment:string paymentDate:dateTime "
     "responsible:Reference recipient:Reference linkId*string securityLabelNumber*unsignedInt"},
    {"Contract.term.offer", 24, R4Form::complex,
     "identifier*Identifier party*Contract.term.offer.party topic:Reference type:CodeableConcept "
     "decision:CodeableConcept decisionMode*CodeableConcept answer*Contract.term.offer.answer text:string "
     "linkId*string securityLabelNumber*unsignedInt"},
    {"Contract.term.offer.answer", 24, R4Form::complex,
     "value#boolean|decimal|integer|date|dateTime|time|string|uri|Attachment|Coding|Quantity|Reference"},
    {"Contract.term.offer.party", 24, R4Form::complex,
     "reference*Reference role:CodeableConcept"},
    {"Contract.term.securityLabel", 24, R4Form::complex,
     "number*unsignedInt classification:Coding category*Coding control*Coding"},
    {"Contributor", 207, R4Form::complex,
     "type:code name:string contact*ContactDetail"},
    {"Count", 488, R4Form::complex,
     ""},
    {"Coverage", 196, R4Form::resource,
     "identifier*Identifier status:code type:CodeableConcept policyHolder:Reference subscriber:Reference "
     "subscriberId:string beneficiary:Reference dependent:string relationship:CodeableConcept period:Period "
     "payor*Reference class*Coverage.class order:positiveInt network:string "
     "costToBeneficiary*Coverage.costToBeneficiary subrogation:boolean contract*Reference"},
    {"Coverage.class", 24, R4Form::complex,
     "type:CodeableConcept value:string name:string"},
    {"Coverage.costToBeneficiary", 24, R4Form::complex,
     "type:CodeableConcept value#Quantity|Money exception*Coverage.costToBeneficiary.exception"},
    {"Coverage.costToBeneficiary.exception", 24, R4Form::complex,
     "type:CodeableConcept period:Period"},
    {"CoverageEligibilityRequest", 196, R4Form::resource,
     "identifier*Identifier status:code priority:CodeableConcept purpose*code patient:Reference "
     "serviced#date|Period created:dateTime enterer:Reference provider:Reference insurer:Reference "
     "facility:Reference supportingInfo*CoverageEligibilityRequest.supportingInfo "
     "insurance*CoverageEligibilityRequest.insurance item*CoverageEligibilityRequest.item"},
    {"CoverageEligibilityRequest.insurance", 24, R4Form::complex,
     "focal:boolean coverage:Reference businessArrangement:string"},
    {"CoverageEligibilityRequest.item", 24, R4Form::complex,
     "supportingInfoSequence*positiveInt category:CodeableConcept productOrService:CodeableConcept "
     "modifier*CodeableConcept provider:Reference quantity:Quantity unitPrice:Money facility:Reference "
     "diagnosis*CoverageEligibilityRequest.item.diagnosis detail*Reference"},
    {"CoverageEligibilityRequest.item.diagnosis", 24, R4Form::complex,
     "diagnosis#CodeableConcept|Reference"},
    {"CoverageEligibilityRequest.supportingInfo", 24, R4Form::complex,
     "sequence:positiveInt information:Reference appliesToAll:boolean"},
    {"CoverageEligibilityResponse", 196, R4Form::resource,
     "identifier*Identifier status:code purpose*code patient:Reference serviced#date|Period created:dateTime "
     "requestor:Reference request:Reference outcome:code disposition:string insurer:Reference "
     "insurance*CoverageEligibilityResponse.insurance preAuthRef:string form:CodeableConcept "
     "error*CoverageEligibilityResponse.error"},
    {"CoverageEligibilityResponse.error", 24, R4Form::complex,
     "code:CodeableConcept"},
    {"CoverageEligibilityResponse.insurance", 24, R4Form::complex,
     "coverage:Reference inforce:boolean benefitPeriod:Period item*CoverageEligibilityResponse.insurance.item"},
    {"CoverageEligibilityResponse.insurance.item", 24, R4Form::complex,
     "category:CodeableConcept productOrService:CodeableConcept modifier*CodeableConcept provider:Reference "
     "excluded:boolean name:string description:string network:CodeableConcept unit:CodeableConcept "
     "term:CodeableConcept benefit*CoverageEligibilityResponse.insurance.item.benefit "
     "authorizationRequired:boolean authorizationSupporting*CodeableConcept authorizationUrl:uri"},
    {"CoverageEligibilityResponse.insurance.item.benefit", 24, R4Form::complex,
     "type:CodeableConcept allowed#unsignedInt|string|Money used#unsignedInt|string|Money"},
    {"DataRequirement", 207, R4Form::complex,
     "type:code profile*canonical subject#CodeableConcept|Reference mustSupport*string "
     "codeFilter*DataRequirement.codeFilter dateFilter*DataRequirement.dateFilter limit:positiveInt "
     "sort*DataRequirement.sort"},
    {"DataRequirement.codeFilter", 207, R4Form::complex,
     "path:string searchParam:string valueSet:canonical code*Coding"},
    {"DataRequirement.dateFilter", 207, R4Form::complex,
     "path:string searchParam:string value#dateTime|Period|Duration"},
    {"DataRequirement.sort", 207, R4Form::complex,
     "path:string direction:code"},
    {"DetectedIssue", 196, R4Form::resource,
     "identifier*Identifier status:code code:CodeableConcept severity:code patient:Reference "
     "identified#dateTime|Period author:Reference implicated*Reference evidence*DetectedIssue.evidence "
     "detail:string reference:uri mitigation*DetectedIssue.mitigation"},
    {"DetectedIssue.evidence", 24, R4Form::complex,
     "code*CodeableConcept detail*Reference"},
    {"DetectedIssue.mitigation", 24, R4Form::complex,
     "action:CodeableConcept date:dateTime author:Reference"},
    {"Device", 196, R4Form::resource,
     "identifier*Identifier definition:Reference udiCarrier*Device.udiCarrier status:code "
     "statusReason*CodeableConcept distinctIdentifier:string manufacturer:string manufactureDate:dateTime "
     "expirationDate:dateTime lotNumber:string serialNumber:string deviceName*Device.deviceName "
     "modelNumber:string partNumber:string type:CodeableConcept specialization*Device.specialization "
     "version*Device.version property*Device.property patient:Reference owner:Reference contact*ContactPoint "
     "location:Reference url:uri note*Annotation safety*CodeableConcept parent:Reference"},
    {"Device.deviceName", 24, R4Form::complex,
     "name:string type:code"},
    {"Device.property", 24, R4Form::complex,
     "type:CodeableConcept valueQuantity*Quantity valueCode*CodeableConcept"},
    {"Device.specialization", 24, R4Form::complex,
     "systemType:CodeableConcept version:string"},
    {"Device.udiCarrier", 24, R4Form::complex,
     "deviceIdentifier:string issuer:uri jurisdiction:uri carrierAIDC:base64Binary carrierHRF:string "
     "entryType:code"},
    {"Device.version", 24, R4Form::complex,
     "type:CodeableConcept component:Identifier value:string"},
    {"DeviceDefinition", 196, R4Form::resource,
     "identifier*Identifier udiDeviceIdentifier*DeviceDefinition.udiDeviceIdentifier "
     "manufacturer#string|Reference deviceName*DeviceDefinition.deviceName modelNumber:string "
     "type:CodeableConcept specialization*DeviceDefinition.specialization version*string "
     "safety*CodeableConcept shelfLifeStorage*ProductShelfLife physicalCharacteristics:ProdCharacteristic "
     "languageCode*CodeableConcept capability*DeviceDefinition.capability property*DeviceDefinition.property "
     "owner:Reference contact*ContactPoint url:uri onlineInformation:uri note*Annotation quantity:Quantity "
     "parentDevice:Reference material*DeviceDefinition.material"},
    {"DeviceDefinition.capability", 24, R4Form::complex,
     "type:CodeableConcept description*CodeableConcept"},
    {"DeviceDefinition.deviceName", 24, R4Form::complex,
     "name:string type:code"},
    {"DeviceDefinition.material", 24, R4Form::complex,
     "substance:CodeableConcept alternate:boolean allergenicIndicator:boolean"},
    {"DeviceDefinition.property", 24, R4Form::complex,
     "type:CodeableConcept valueQuantity*Quantity valueCode*CodeableConcept"},
    {"DeviceDefinition.specialization", 24, R4Form::complex,
     "systemType:string version:string"},
    {"DeviceDefinition.udiDeviceIdentifier", 24, R4Form::complex,
     "deviceIdentifier:string issuer:uri jurisdiction:uri"},
    {"DeviceMetric", 196, R4Form::resource,
     "identifier*Identifier type:CodeableConcept unit:CodeableConcept source:Reference parent:Reference "
     "operationalStatus:code color:code category:code measurementPeriod:Timing "
     "calibration*DeviceMetric.calibration"},
    {"DeviceMetric.calibration", 24, R4Form::complex,
     "type:code state:code time:instant"},
    {"DeviceRequest", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri basedOn*Reference "
     "priorRequest*Reference groupIdentifier:Identifier status:code intent:code priority:code "
     "code#Reference|CodeableConcept parameter*DeviceRequest.parameter subject:Reference encounter:Reference "
     "occurrence#dateTime|Period|Timing authoredOn:dateTime requester:Reference performerType:CodeableConcept "
     "performer:Reference reasonCode*CodeableConcept reasonReference*Reference insurance*Reference "
     "supportingInfo*Reference note*Annotation relevantHistory*Reference"},
    {"DeviceRequest.parameter", 24, R4Form::complex,
     "code:CodeableConcept value#CodeableConcept|Quantity|Range|boolean"},
    {"DeviceUseStatement", 196, R4Form::resource,
     "identifier*Identifier basedOn*Reference status:code subject:Reference derivedFrom*Reference "
     "timing#Timing|Period|dateTime recordedOn:dateTime source:Reference device:Reference "
     "reasonCode*CodeableConcept reasonReference*Reference bodySite:CodeableConcept note*Annotation"},
    {"DiagnosticReport", 196, R4Form::resource,
     "identifier*Identifier basedOn*Reference status:code category*CodeableConcept code:CodeableConcept "
     "subject:Reference encounter:Reference effective#dateTime|Period issued:instant performer*Reference "
     "resultsInterpreter*Reference specimen*Reference result*Reference imagingStudy*Reference "
     "media*DiagnosticReport.media conclusion:string conclusionCode*CodeableConcept presentedForm*Attachment"},
    {"DiagnosticReport.media", 24, R4Form::complex,
     "comment:string link:Reference"},
    {"Distance", 488, R4Form::complex,
     ""},
    {"DocumentManifest", 196, R4Form::resource,
     "masterIdentifier:Identifier identifier*Identifier status:code type:CodeableConcept subject:Reference "
     "created:dateTime author*Reference recipient*Reference source:uri description:string content*Reference "
     "related*DocumentManifest.related"},
    {"DocumentManifest.related", 24, R4Form::complex,
     "identifier:Identifier ref:Reference"},
    {"DocumentReference", 196, R4Form::resource,
     "masterIdentifier:Identifier identifier*Identifier status:code docStatus:code type:CodeableConcept "
     "category*CodeableConcept subject:Reference date:instant author*Reference authenticator:Reference "
     "custodian:Reference relatesTo*DocumentReference.relatesTo description:string "
     "securityLabel*CodeableConcept content*DocumentReference.content context:DocumentReference.context"},
    {"DocumentReference.content", 24, R4Form::complex,
     "attachment:Attachment format:Coding"},
    {"DocumentReference.context", 24, R4Form::complex,
     "encounter*Reference event*CodeableConcept period:Period facilityType:CodeableConcept "
     "practiceSetting:CodeableConcept sourcePatientInfo:Reference related*Reference"},
    {"DocumentReference.relatesTo", 24, R4Form::complex,
     "code:code target:Reference"},
    {"DomainResource", 514, R4Form::resource,
     "text:Narrative contained*Resource extension*Extension modifierExtension*Extension"},
    {"Dosage", 24, R4Form::complex,
     "sequence:integer text:string additionalInstruction*CodeableConcept patientInstruction:string "
     "timing:Timing asNeeded#boolean|CodeableConcept site:CodeableConcept route:CodeableConcept "
     "method:CodeableConcept doseAndRate*Dosage.doseAndRate maxDosePerPeriod:Ratio "
     "maxDosePerAdministration:Quantity maxDosePerLifetime:Quantity"},
    {"Dosage.doseAndRate", 207, R4Form::complex,
     "type:CodeableConcept dose#Range|Quantity rate#Ratio|Range|Quantity"},
    {"Duration", 488, R4Form::complex,
     ""},
    {"EffectEvidenceSynthesis", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string status:code date:dateTime "
     "publisher:string contact*ContactDetail description:markdown note*Annotation useContext*UsageContext "
     "jurisdiction*CodeableConcept copyright:markdown approvalDate:date lastReviewDate:date "
     "effectivePeriod:Period topic*CodeableConcept author*ContactDetail editor*ContactDetail "
     "reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "synthesisType:CodeableConcept studyType:CodeableConcept population:Reference exposure:Reference "
     "exposureAlternative:Reference outcome:Reference sampleSize:EffectEvidenceSynthesis.sampleSize "
     "resultsByExposure*EffectEvidenceSynthesis.resultsByExposure "
     "effectEstimate*EffectEvidenceSynthesis.effectEstimate certainty*EffectEvidenceSynthesis.certainty"},
    {"EffectEvidenceSynthesis.certainty", 24, R4Form::complex,
     "rating*CodeableConcept note*Annotation "
     "certaintySubcomponent*EffectEvidenceSynthesis.certainty.certaintySubcomponent"},
    {"EffectEvidenceSynthesis.certainty.certaintySubcomponent", 24, R4Form::complex,
     "type:CodeableConcept rating*CodeableConcept note*Annotation"},
    {"EffectEvidenceSynthesis.effectEstimate", 24, R4Form::complex,
     "description:string type:CodeableConcept variantState:CodeableConcept value:decimal "
     "unitOfMeasure:CodeableConcept "
     "precisionEstimate*EffectEvidenceSynthesis.effectEstimate.precisionEstimate"},
    {"EffectEvidenceSynthesis.effectEstimate.precisionEstimate", 24, R4Form::complex,
     "type:CodeableConcept level:decimal from:decimal to:decimal"},
    {"EffectEvidenceSynthesis.resultsByExposure", 24, R4Form::complex,
     "description:string exposureState:code variantState:CodeableConcept riskEvidenceSynthesis:Reference"},
    {"EffectEvidenceSynthesis.sampleSize", 24, R4Form::complex,
     "description:string numberOfStudies:integer numberOfParticipants:integer"},
    {"Element", -1, R4Form::complex,
     "id@string extension*Extension"},
    {"ElementDefinition", 24, R4Form::complex,
     "path:string representation*code sliceName:string sliceIsConstraining:boolean label:string code*Coding "
     "slicing:ElementDefinition.slicing short:string definition:markdown comment:markdown "
     "requirements:markdown alias*string min:unsignedInt max:string base:ElementDefinition.base "
     "contentReference:uri type*ElementDefinition.type defaultValue#? meaningWhenMissing:markdown "
     "orderMeaning:string fixed#? pattern#? example*ElementDefinition.example "
     "minValue#date|dateTime|instant|time|decimal|integer|positiveInt|unsignedInt|Quantity "
     "maxValue#date|dateTime|instant|time|decimal|integer|positiveInt|unsignedInt|Quantity maxLength:integer "
     "condition*id constraint*ElementDefinition.constraint mustSupport:boolean isModifier:boolean "
     "isModifierReason:string isSummary:boolean binding:ElementDefinition.binding "
     "mapping*ElementDefinition.mapping"},
    {"ElementDefinition.base", 207, R4Form::complex,
     "path:string min:unsignedInt max:string"},
    {"ElementDefinition.binding", 207, R4Form::complex,
     "strength:code description:string valueSet:canonical"},
    {"ElementDefinition.constraint", 207, R4Form::complex,
     "key:id requirements:string severity:code human:string expression:string xpath:string source:canonical"},
    {"ElementDefinition.example", 207, R4Form::complex,
     "label:string value#?"},
    {"ElementDefinition.mapping", 207, R4Form::complex,
     "identity:id language:code map:string comment:string"},
    {"ElementDefinition.slicing", 207, R4Form::complex,
     "discriminator*ElementDefinition.slicing.discriminator description:string ordered:boolean rules:code"},
    {"ElementDefinition.slicing.discriminator", 207, R4Form::complex,
     "type:code path:string"},
    {"ElementDefinition.type", 207, R4Form::complex,
     "code:uri profile*canonical targetProfile*canonical aggregation*code versioning:code"},
    {"Encounter", 196, R4Form::resource,
     "identifier*Identifier status:code statusHistory*Encounter.statusHistory class:Coding "
     "classHistory*Encounter.classHistory type*CodeableConcept serviceType:CodeableConcept "
     "priority:CodeableConcept subject:Reference episodeOfCare*Reference basedOn*Reference "
     "participant*Encounter.participant appointment*Reference period:Period length:Duration "
     "reasonCode*CodeableConcept reasonReference*Reference diagnosis*Encounter.diagnosis account*Reference "
     "hospitalization:Encounter.hospitalization location*Encounter.location serviceProvider:Reference "
     "partOf:Reference"},
    {"Encounter.classHistory", 24, R4Form::complex,
     "class:Coding period:Period"},
    {"Encounter.diagnosis", 24, R4Form::complex,
     "condition:Reference use:CodeableConcept rank:positiveInt"},
    {"Encounter.hospitalization", 24, R4Form::complex,
     "preAdmissionIdentifier:Identifier origin:Reference admitSource:CodeableConcept "
     "reAdmission:CodeableConcept dietPreference*CodeableConcept specialCourtesy*CodeableConcept "
     "specialArrangement*CodeableConcept destination:Reference dischargeDisposition:CodeableConcept"},
    {"Encounter.location", 24, R4Form::complex,
     "location:Reference status:code physicalType:CodeableConcept period:Period"},
    {"Encounter.participant", 24, R4Form::complex,
     "type*CodeableConcept period:Period individual:Reference"},
    {"Encounter.statusHistory", 24, R4Form::complex,
     "status:code period:Period"},
    {"Endpoint", 196, R4Form::resource,
     "identifier*Identifier status:code connectionType:Coding name:string managingOrganization:Reference "
     "contact*ContactPoint period:Period payloadType*CodeableConcept payloadMimeType*code address:url "
     "header*string"},
    {"EnrollmentRequest", 196, R4Form::resource,
     "identifier*Identifier status:code created:dateTime insurer:Reference provider:Reference "
     "candidate:Reference coverage:Reference"},
    {"EnrollmentResponse", 196, R4Form::resource,
     "identifier*Identifier status:code request:Reference outcome:code disposition:string created:dateTime "
     "organization:Reference requestProvider:Reference"},
    {"EpisodeOfCare", 196, R4Form::resource,
     "identifier*Identifier status:code statusHistory*EpisodeOfCare.statusHistory type*CodeableConcept "
     "diagnosis*EpisodeOfCare.diagnosis patient:Reference managingOrganization:Reference period:Period "
     "referralRequest*Reference careManager:Reference team*Reference account*Reference"},
    {"EpisodeOfCare.diagnosis", 24, R4Form::complex,
     "condition:Reference role:CodeableConcept rank:positiveInt"},
    {"EpisodeOfCare.statusHistory", 24, R4Form::complex,
     "status:code period:Period"},
    {"EventDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string subtitle:string status:code "
     "experimental:boolean subject#CodeableConcept|Reference date:dateTime publisher:string "
     "contact*ContactDetail description:markdown useContext*UsageContext jurisdiction*CodeableConcept "
     "purpose:markdown usage:string copyright:markdown approvalDate:date lastReviewDate:date "
     "effectivePeriod:Period topic*CodeableConcept author*ContactDetail editor*ContactDetail "
     "reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact trigger*TriggerDefinition"},
    {"Evidence", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string shortTitle:string subtitle:string "
     "status:code date:dateTime publisher:string contact*ContactDetail description:markdown note*Annotation "
     "useContext*UsageContext jurisdiction*CodeableConcept copyright:markdown approvalDate:date "
     "lastReviewDate:date effectivePeriod:Period topic*CodeableConcept author*ContactDetail "
     "editor*ContactDetail reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "exposureBackground:Reference exposureVariant*Reference outcome*Reference"},
    {"EvidenceVariable", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string shortTitle:string subtitle:string "
     "status:code date:dateTime publisher:string contact*ContactDetail description:markdown note*Annotation "
     "useContext*UsageContext jurisdiction*CodeableConcept copyright:markdown approvalDate:date "
     "lastReviewDate:date effectivePeriod:Period topic*CodeableConcept author*ContactDetail "
     "editor*ContactDetail reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "type:code characteristic*EvidenceVariable.characteristic"},
    {"EvidenceVariable.characteristic", 24, R4Form::complex,
     "description:string "
     "definition#Reference|canonical|CodeableConcept|Expression|DataRequirement|TriggerDefinition "
     "usageContext*UsageContext exclude:boolean participantEffective#dateTime|Period|Duration|Timing "
     "timeFromStart:Duration groupMeasure:code"},
    {"ExampleScenario", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string status:code experimental:boolean date:dateTime "
     "publisher:string contact*ContactDetail useContext*UsageContext jurisdiction*CodeableConcept "
     "copyright:markdown purpose:markdown actor*ExampleScenario.actor instance*ExampleScenario.instance "
     "process*ExampleScenario.process workflow*canonical"},
    {"ExampleScenario.actor", 24, R4Form::complex,
     "actorId:string type:code name:string description:markdown"},
    {"ExampleScenario.instance", 24, R4Form::complex,
     "resourceId:string resourceType:code name:string description:markdown "
     "version*ExampleScenario.instance.version containedInstance*ExampleScenario.instance.containedInstance"},
    {"ExampleScenario.instance.containedInstance", 24, R4Form::complex,
     "resourceId:string versionId:string"},
    {"ExampleScenario.instance.version", 24, R4Form::complex,
     "versionId:string description:markdown"},
    {"ExampleScenario.process", 24, R4Form::complex,
     "title:string description:markdown preConditions:markdown postConditions:markdown "
     "step*ExampleScenario.process.step"},
    {"ExampleScenario.process.step", 24, R4Form::complex,
     "process*ExampleScenario.process pause:boolean operation:ExampleScenario.process.step.operation "
     "alternative*ExampleScenario.process.step.alternative"},
    {"ExampleScenario.process.step.alternative", 24, R4Form::complex,
     "title:string description:markdown step*ExampleScenario.process.step"},
    {"ExampleScenario.process.step.operation", 24, R4Form::complex,
     "number:string type:string name:string initiator:string receiver:string description:markdown "
     "initiatorActive:boolean receiverActive:boolean request:ExampleScenario.instance.containedInstance "
     "response:ExampleScenario.instance.containedInstance"},
    {"ExplanationOfBenefit", 196, R4Form::resource,
     "identifier*Identifier status:code type:CodeableConcept subType:CodeableConcept use:code "
     "patient:Reference billablePeriod:Period created:dateTime enterer:Reference insurer:Reference "
     "provider:Reference priority:CodeableConcept fundsReserveRequested:CodeableConcept "
     "fundsReserve:CodeableConcept related*ExplanationOfBenefit.related prescription:Reference "
     "originalPrescription:Reference payee:ExplanationOfBenefit.payee referral:Reference facility:Reference "
     "claim:Reference claimResponse:Reference outcome:code disposition:string preAuthRef*string "
     "preAuthRefPeriod*Period careTeam*ExplanationOfBenefit.careTeam "
     "supportingInfo*ExplanationOfBenefit.supportingInfo diagnosis*ExplanationOfBenefit.diagnosis "
     "procedure*ExplanationOfBenefit.procedure precedence:positiveInt "
     "insurance*ExplanationOfBenefit.insurance accident:ExplanationOfBenefit.accident "
     "item*ExplanationOfBenefit.item addItem*ExplanationOfBenefit.addItem "
     "adjudication*ExplanationOfBenefit.item.adjudication total*ExplanationOfBenefit.total "
     "payment:ExplanationOfBenefit.payment formCode:CodeableConcept form:Attachment "
     "processNote*ExplanationOfBenefit.processNote benefitPeriod:Period "
     "benefitBalance*ExplanationOfBenefit.benefitBalance"},
    {"ExplanationOfBenefit.accident", 24, R4Form::complex,
     "date:date type:CodeableConcept location#Address|Reference"},
    {"ExplanationOfBenefit.addItem", 24, R4Form::complex,
     "itemSequence*positiveInt detailSequence*positiveInt subDetailSequence*positiveInt provider*Reference "
     "productOrService:CodeableConcept modifier*CodeableConcept programCode*CodeableConcept "
     "serviced#date|Period location#CodeableConcept|Address|Reference quantity:Quantity unitPrice:Money "
     "factor:decimal net:Money bodySite:CodeableConcept subSite*CodeableConcept noteNumber*positiveInt "
     "adjudication*ExplanationOfBenefit.item.adjudication detail*ExplanationOfBenefit.addItem.detail"},
    {"ExplanationOfBenefit.addItem.detail", 24, R4Form::complex,
     "productOrService:CodeableConcept modifier*CodeableConcept quantity:Quantity unitPrice:Money "
     "factor:decimal net:Money noteNumber*positiveInt adjudication*ExplanationOfBenefit.item.adjudication "
     "subDetail*ExplanationOfBenefit.addItem.detail.subDetail"},
    {"ExplanationOfBenefit.addItem.detail.subDetail", 24, R4Form::complex,
     "productOrService:CodeableConcept modifier*CodeableConcept quantity:Quantity unitPrice:Money "
     "factor:decimal net:Money noteNumber*positiveInt adjudication*ExplanationOfBenefit.item.adjudication"},
    {"ExplanationOfBenefit.benefitBalance", 24, R4Form::complex,
     "category:CodeableConcept excluded:boolean name:string description:string network:CodeableConcept "
     "unit:CodeableConcept term:CodeableConcept financial*ExplanationOfBenefit.benefitBalance.financial"},
    {"ExplanationOfBenefit.benefitBalance.financial", 24, R4Form::complex,
     "type:CodeableConcept allowed#unsignedInt|string|Money used#unsignedInt|Money"},
    {"ExplanationOfBenefit.careTeam", 24, R4Form::complex,
     "sequence:positiveInt provider:Reference responsible:boolean role:CodeableConcept "
     "qualification:CodeableConcept"},
    {"ExplanationOfBenefit.diagnosis", 24, R4Form::complex,
     "sequence:positiveInt diagnosis#CodeableConcept|Reference type*CodeableConcept "
     "onAdmission:CodeableConcept packageCode:CodeableConcept"},
    {"ExplanationOfBenefit.insurance", 24, R4Form::complex,
     "focal:boolean coverage:Reference preAuthRef*string"},
    {"ExplanationOfBenefit.item", 24, R4Form::complex,
     "sequence:positiveInt careTeamSequence*positiveInt diagnosisSequence*positiveInt "
     "procedureSequence*positiveInt informationSequence*positiveInt revenue:CodeableConcept "
     "category:CodeableConcept productOrService:CodeableConcept modifier*CodeableConcept "
     "programCode*CodeableConcept serviced#date|Period location#CodeableConcept|Address|Reference "
     "quantity:Quantity unitPrice:Money factor:decimal net:Money udi*Reference bodySite:CodeableConcept "
     "subSite*CodeableConcept encounter*Reference noteNumber*positiveInt "
     "adjudication*ExplanationOfBenefit.item.adjudication detail*ExplanationOfBenefit.item.detail"},
    {"ExplanationOfBenefit.item.adjudication", 24, R4Form::complex,
     "category:CodeableConcept reason:CodeableConcept amount:Money value:decimal"},
    {"ExplanationOfBenefit.item.detail", 24, R4Form::complex,
     "sequence:positiveInt revenue:CodeableConcept category:CodeableConcept productOrService:CodeableConcept "
     "modifier*CodeableConcept programCode*CodeableConcept quantity:Quantity unitPrice:Money factor:decimal "
     "net:Money udi*Reference noteNumber*positiveInt adjudication*ExplanationOfBenefit.item.adjudication "
     "subDetail*ExplanationOfBenefit.item.detail.subDetail"},
    {"ExplanationOfBenefit.item.detail.subDetail", 24, R4Form::complex,
     "sequence:positiveInt revenue:CodeableConcept category:CodeableConcept productOrService:CodeableConcept "
     "modifier*CodeableConcept programCode*CodeableConcept quantity:Quantity unitPrice:Money factor:decimal "
     "net:Money udi*Reference noteNumber*positiveInt adjudication*ExplanationOfBenefit.item.adjudication"},
    {"ExplanationOfBenefit.payee", 24, R4Form::complex,
     "type:CodeableConcept party:Reference"},
    {"ExplanationOfBenefit.payment", 24, R4Form::complex,
     "type:CodeableConcept adjustment:Money adjustmentReason:CodeableConcept date:date amount:Money "
     "identifier:Identifier"},
    {"ExplanationOfBenefit.procedure", 24, R4Form::complex,
     "sequence:positiveInt type*CodeableConcept date:dateTime procedure#CodeableConcept|Reference "
     "udi*Reference"},
    {"ExplanationOfBenefit.processNote", 24, R4Form::complex,
     "number:positiveInt type:code text:string language:CodeableConcept"},
    {"ExplanationOfBenefit.related", 24, R4Form::complex,
     "claim:Reference relationship:CodeableConcept reference:Identifier"},
    {"ExplanationOfBenefit.supportingInfo", 24, R4Form::complex,
     "sequence:positiveInt category:CodeableConcept code:CodeableConcept timing#date|Period "
     "value#boolean|string|Quantity|Attachment|Reference reason:Coding"},
    {"ExplanationOfBenefit.total", 24, R4Form::complex,
     "category:CodeableConcept amount:Money"},
    {"Expression", 207, R4Form::complex,
     "description:string name:id language:code expression:string reference:uri"},
    {"Extension", 207, R4Form::complex,
     "url@string value#?"},
    {"FamilyMemberHistory", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri status:code "
     "dataAbsentReason:CodeableConcept patient:Reference date:dateTime name:string "
     "relationship:CodeableConcept sex:CodeableConcept born#Period|date|string age#Age|Range|string "
     "estimatedAge:boolean deceased#boolean|Age|Range|date|string reasonCode*CodeableConcept "
     "reasonReference*Reference note*Annotation condition*FamilyMemberHistory.condition"},
    {"FamilyMemberHistory.condition", 24, R4Form::complex,
     "code:CodeableConcept outcome:CodeableConcept contributedToDeath:boolean onset#Age|Range|Period|string "
     "note*Annotation"},
    {"Flag", 196, R4Form::resource,
     "identifier*Identifier status:code category*CodeableConcept code:CodeableConcept subject:Reference "
     "period:Period encounter:Reference author:Reference"},
    {"Goal", 196, R4Form::resource,
     "identifier*Identifier lifecycleStatus:code achievementStatus:CodeableConcept category*CodeableConcept "
     "priority:CodeableConcept description:CodeableConcept subject:Reference start#date|CodeableConcept "
     "target*Goal.target statusDate:date statusReason:string expressedBy:Reference addresses*Reference "
     "note*Annotation outcomeCode*CodeableConcept outcomeReference*Reference"},
    {"Goal.target", 24, R4Form::complex,
     "measure:CodeableConcept detail#Quantity|Range|CodeableConcept|string|boolean|integer|Ratio "
     "due#date|Duration"},
    {"GraphDefinition", 196, R4Form::resource,
     "url:uri version:string name:string status:code experimental:boolean date:dateTime publisher:string "
     "contact*ContactDetail description:markdown useContext*UsageContext jurisdiction*CodeableConcept "
     "purpose:markdown start:code profile:canonical link*GraphDefinition.link"},
    {"GraphDefinition.link", 24, R4Form::complex,
     "path:string sliceName:string min:integer max:string description:string "
     "target*GraphDefinition.link.target"},
    {"GraphDefinition.link.target", 24, R4Form::complex,
     "type:code params:string profile:canonical compartment*GraphDefinition.link.target.compartment "
     "link*GraphDefinition.link"},
    {"GraphDefinition.link.target.compartment", 24, R4Form::complex,
     "use:code code:code rule:code expression:string description:string"},
    {"Group", 196, R4Form::resource,
     "identifier*Identifier active:boolean type:code actual:boolean code:CodeableConcept name:string "
     "quantity:unsignedInt managingEntity:Reference characteristic*Group.characteristic member*Group.member"},
    {"Group.characteristic", 24, R4Form::complex,
     "code:CodeableConcept value#CodeableConcept|boolean|Quantity|Range|Reference exclude:boolean "
     "period:Period"},
    {"Group.member", 24, R4Form::complex,
     "entity:Reference period:Period inactive:boolean"},
    {"GuidanceResponse", 196, R4Form::resource,
     "requestIdentifier:Identifier identifier*Identifier module#uri|canonical|CodeableConcept status:code "
     "subject:Reference encounter:Reference occurrenceDateTime:dateTime performer:Reference "
     "reasonCode*CodeableConcept reasonReference*Reference note*Annotation evaluationMessage*Reference "
     "outputParameters:Reference result:Reference dataRequirement*DataRequirement"},
    {"HealthcareService", 196, R4Form::resource,
     "identifier*Identifier active:boolean providedBy:Reference category*CodeableConcept type*CodeableConcept "
     "specialty*CodeableConcept location*Reference name:string comment:string extraDetails:markdown "
     "photo:Attachment telecom*ContactPoint coverageArea*Reference serviceProvisionCode*CodeableConcept "
     "eligibility*HealthcareService.eligibility program*CodeableConcept characteristic*CodeableConcept "
     "communication*CodeableConcept referralMethod*CodeableConcept appointmentRequired:boolean "
     "availableTime*HealthcareService.availableTime notAvailable*HealthcareService.notAvailable "
     "availabilityExceptions:string endpoint*Reference"},
    {"HealthcareService.availableTime", 24, R4Form::complex,
     "daysOfWeek*code allDay:boolean availableStartTime:time availableEndTime:time"},
    {"HealthcareService.eligibility", 24, R4Form::complex,
     "code:CodeableConcept comment:markdown"},
    {"HealthcareService.notAvailable", 24, R4Form::complex,
     "description:string during:Period"},
    {"HumanName", 207, R4Form::complex,
     "use:code text:string family:string given*string prefix*string suffix*string period:Period"},
    {"Identifier", 207, R4Form::complex,
     "use:code type:CodeableConcept system:uri value:string period:Period assigner:Reference"},
    {"ImagingStudy", 196, R4Form::resource,
     "identifier*Identifier status:code modality*Coding subject:Reference encounter:Reference "
     "started:dateTime basedOn*Reference referrer:Reference interpreter*Reference endpoint*Reference "
     "numberOfSeries:unsignedInt numberOfInstances:unsignedInt procedureReference:Reference "
     "procedureCode*CodeableConcept location:Reference reasonCode*CodeableConcept reasonReference*Reference "
     "note*Annotation description:string series*ImagingStudy.series"},
    {"ImagingStudy.series", 24, R4Form::complex,
     "uid:id number:unsignedInt modality:Coding description:string numberOfInstances:unsignedInt "
     "endpoint*Reference bodySite:Coding laterality:Coding specimen*Reference started:dateTime "
     "performer*ImagingStudy.series.performer instance*ImagingStudy.series.instance"},
    {"ImagingStudy.series.instance", 24, R4Form::complex,
     "uid:id sopClass:Coding number:unsignedInt title:string"},
    {"ImagingStudy.series.performer", 24, R4Form::complex,
     "function:CodeableConcept actor:Reference"},
    {"Immunization", 196, R4Form::resource,
     "identifier*Identifier status:code statusReason:CodeableConcept vaccineCode:CodeableConcept "
     "patient:Reference encounter:Reference occurrence#dateTime|string recorded:dateTime "
     "primarySource:boolean reportOrigin:CodeableConcept location:Reference manufacturer:Reference "
     "lotNumber:string expirationDate:date site:CodeableConcept route:CodeableConcept doseQuantity:Quantity "
     "performer*Immunization.performer note*Annotation reasonCode*CodeableConcept reasonReference*Reference "
     "isSubpotent:boolean subpotentReason*CodeableConcept education*Immunization.education "
     "programEligibility*CodeableConcept fundingSource:CodeableConcept reaction*Immunization.reaction "
     "protocolApplied*Immunization.protocolApplied"},
    {"Immunization.education", 24, R4Form::complex,
     "documentType:string reference:uri publicationDate:dateTime presentationDate:dateTime"},
    {"Immunization.performer", 24, R4Form::complex,
     "function:CodeableConcept actor:Reference"},
    {"Immunization.protocolApplied", 24, R4Form::complex,
     "series:string authority:Reference targetDisease*CodeableConcept doseNumber#positiveInt|string "
     "seriesDoses#positiveInt|string"},
    {"Immunization.reaction", 24, R4Form::complex,
     "date:dateTime detail:Reference reported:boolean"},
    {"ImmunizationEvaluation", 196, R4Form::resource,
     "identifier*Identifier status:code patient:Reference date:dateTime authority:Reference "
     "targetDisease:CodeableConcept immunizationEvent:Reference doseStatus:CodeableConcept "
     "doseStatusReason*CodeableConcept description:string series:string doseNumber#positiveInt|string "
     "seriesDoses#positiveInt|string"},
    {"ImmunizationRecommendation", 196, R4Form::resource,
     "identifier*Identifier patient:Reference date:dateTime authority:Reference "
     "recommendation*ImmunizationRecommendation.recommendation"},
    {"ImmunizationRecommendation.recommendation", 24, R4Form::complex,
     "vaccineCode*CodeableConcept targetDisease:CodeableConcept contraindicatedVaccineCode*CodeableConcept "
     "forecastStatus:CodeableConcept forecastReason*CodeableConcept "
     "dateCriterion*ImmunizationRecommendation.recommendation.dateCriterion description:string series:string "
     "doseNumber#positiveInt|string seriesDoses#positiveInt|string supportingImmunization*Reference "
     "supportingPatientInformation*Reference"},
    {"ImmunizationRecommendation.recommendation.dateCriterion", 24, R4Form::complex,
     "code:CodeableConcept value:dateTime"},
    {"ImplementationGuide", 196, R4Form::resource,
     "url:uri version:string name:string title:string status:code experimental:boolean date:dateTime "
     "publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept copyright:markdown packageId:id license:code fhirVersion*code "
     "dependsOn*ImplementationGuide.dependsOn global*ImplementationGuide.global "
     "definition:ImplementationGuide.definition manifest:ImplementationGuide.manifest"},
    {"ImplementationGuide.definition", 24, R4Form::complex,
     "grouping*ImplementationGuide.definition.grouping resource*ImplementationGuide.definition.resource "
     "page:ImplementationGuide.definition.page parameter*ImplementationGuide.definition.parameter "
     "template*ImplementationGuide.definition.template"},
    {"ImplementationGuide.definition.grouping", 24, R4Form::complex,
     "name:string description:string"},
    {"ImplementationGuide.definition.page", 24, R4Form::complex,
     "name#url|Reference title:string generation:code page*ImplementationGuide.definition.page"},
    {"ImplementationGuide.definition.parameter", 24, R4Form::complex,
     "code:code value:string"},
    {"ImplementationGuide.definition.resource", 24, R4Form::complex,
     "reference:Reference fhirVersion*code name:string description:string example#boolean|canonical "
     "groupingId:id"},
    {"ImplementationGuide.definition.template", 24, R4Form::complex,
     "code:code source:string scope:string"},
    {"ImplementationGuide.dependsOn", 24, R4Form::complex,
     "uri:canonical packageId:id version:string"},
    {"ImplementationGuide.global", 24, R4Form::complex,
     "type:code profile:canonical"},
    {"ImplementationGuide.manifest", 24, R4Form::complex,
     "rendering:url resource*ImplementationGuide.manifest.resource page*ImplementationGuide.manifest.page "
     "image*string other*string"},
    {"ImplementationGuide.manifest.page", 24, R4Form::complex,
     "name:string title:string anchor*string"},
    {"ImplementationGuide.manifest.resource", 24, R4Form::complex,
     "reference:Reference example#boolean|canonical relativePath:url"},
    {"InsurancePlan", 196, R4Form::resource,
     "identifier*Identifier status:code type*CodeableConcept name:string alias*string period:Period "
     "ownedBy:Reference administeredBy:Reference coverageArea*Reference contact*InsurancePlan.contact "
     "endpoint*Reference network*Reference coverage*InsurancePlan.coverage plan*InsurancePlan.plan"},
    {"InsurancePlan.contact", 24, R4Form::complex,
     "purpose:CodeableConcept name:HumanName telecom*ContactPoint address:Address"},
    {"InsurancePlan.coverage", 24, R4Form::complex,
     "type:CodeableConcept network*Reference benefit*InsurancePlan.coverage.benefit"},
    {"InsurancePlan.coverage.benefit", 24, R4Form::complex,
     "type:CodeableConcept requirement:string limit*InsurancePlan.coverage.benefit.limit"},
    {"InsurancePlan.coverage.benefit.limit", 24, R4Form::complex,
     "value:Quantity code:CodeableConcept"},
    {"InsurancePlan.plan", 24, R4Form::complex,
     "identifier*Identifier type:CodeableConcept coverageArea*Reference network*Reference "
     "generalCost*InsurancePlan.plan.generalCost specificCost*InsurancePlan.plan.specificCost"},
    {"InsurancePlan.plan.generalCost", 24, R4Form::complex,
     "type:CodeableConcept groupSize:positiveInt cost:Money comment:string"},
    {"InsurancePlan.plan.specificCost", 24, R4Form::complex,
     "category:CodeableConcept benefit*InsurancePlan.plan.specificCost.benefit"},
    {"InsurancePlan.plan.specificCost.benefit", 24, R4Form::complex,
     "type:CodeableConcept cost*InsurancePlan.plan.specificCost.benefit.cost"},
    {"InsurancePlan.plan.specificCost.benefit.cost", 24, R4Form::complex,
     "type:CodeableConcept applicability:CodeableConcept qualifiers*CodeableConcept value:Quantity"},
    {"Invoice", 196, R4Form::resource,
     "identifier*Identifier status:code cancelledReason:string type:CodeableConcept subject:Reference "
     "recipient:Reference date:dateTime participant*Invoice.participant issuer:Reference account:Reference "
     "lineItem*Invoice.lineItem totalPriceComponent*Invoice.lineItem.priceComponent totalNet:Money "
     "totalGross:Money paymentTerms:markdown note*Annotation"},
    {"Invoice.lineItem", 24, R4Form::complex,
     "sequence:positiveInt chargeItem#Reference|CodeableConcept "
     "priceComponent*Invoice.lineItem.priceComponent"},
    {"Invoice.lineItem.priceComponent", 24, R4Form::complex,
     "type:code code:CodeableConcept factor:decimal amount:Money"},
    {"Invoice.participant", 24, R4Form::complex,
     "role:CodeableConcept actor:Reference"},
    {"Library", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string subtitle:string status:code "
     "experimental:boolean type:CodeableConcept subject#CodeableConcept|Reference date:dateTime "
     "publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown usage:string copyright:markdown approvalDate:date "
     "lastReviewDate:date effectivePeriod:Period topic*CodeableConcept author*ContactDetail "
     "editor*ContactDetail reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "parameter*ParameterDefinition dataRequirement*DataRequirement content*Attachment"},
    {"Linkage", 196, R4Form::resource,
     "active:boolean author:Reference item*Linkage.item"},
    {"Linkage.item", 24, R4Form::complex,
     "type:code resource:Reference"},
    {"List", 196, R4Form::resource,
     "identifier*Identifier status:code mode:code title:string code:CodeableConcept subject:Reference "
     "encounter:Reference date:dateTime source:Reference orderedBy:CodeableConcept note*Annotation "
     "entry*List.entry emptyReason:CodeableConcept"},
    {"List.entry", 24, R4Form::complex,
     "flag:CodeableConcept deleted:boolean date:dateTime item:Reference"},
    {"Location", 196, R4Form::resource,
     "identifier*Identifier status:code operationalStatus:Coding name:string alias*string description:string "
     "mode:code type*CodeableConcept telecom*ContactPoint address:Address physicalType:CodeableConcept "
     "position:Location.position managingOrganization:Reference partOf:Reference "
     "hoursOfOperation*Location.hoursOfOperation availabilityExceptions:string endpoint*Reference"},
    {"Location.hoursOfOperation", 24, R4Form::complex,
     "daysOfWeek*code allDay:boolean openingTime:time closingTime:time"},
    {"Location.position", 24, R4Form::complex,
     "longitude:decimal latitude:decimal altitude:decimal"},
    {"MarketingStatus", 24, R4Form::complex,
     "country:CodeableConcept jurisdiction:CodeableConcept status:CodeableConcept dateRange:Period "
     "restoreDate:dateTime"},
    {"Measure", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string subtitle:string status:code "
     "experimental:boolean subject#CodeableConcept|Reference date:dateTime publisher:string "
     "contact*ContactDetail description:markdown useContext*UsageContext jurisdiction*CodeableConcept "
     "purpose:markdown usage:string copyright:markdown approvalDate:date lastReviewDate:date "
     "effectivePeriod:Period topic*CodeableConcept author*ContactDetail editor*ContactDetail "
     "reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact library*canonical "
     "disclaimer:markdown scoring:CodeableConcept compositeScoring:CodeableConcept type*CodeableConcept "
     "riskAdjustment:string rateAggregation:string rationale:markdown "
     "clinicalRecommendationStatement:markdown improvementNotation:CodeableConcept definition*markdown "
     "guidance:markdown group*Measure.group supplementalData*Measure.supplementalData"},
    {"Measure.group", 24, R4Form::complex,
     "code:CodeableConcept description:string population*Measure.group.population "
     "stratifier*Measure.group.stratifier"},
    {"Measure.group.population", 24, R4Form::complex,
     "code:CodeableConcept description:string criteria:Expression"},
    {"Measure.group.stratifier", 24, R4Form::complex,
     "code:CodeableConcept description:string criteria:Expression "
     "component*Measure.group.stratifier.component"},
    {"Measure.group.stratifier.component", 24, R4Form::complex,
     "code:CodeableConcept description:string criteria:Expression"},
    {"Measure.supplementalData", 24, R4Form::complex,
     "code:CodeableConcept usage*CodeableConcept description:string criteria:Expression"},
    {"MeasureReport", 196, R4Form::resource,
     "identifier*Identifier status:code type:code measure:canonical subject:Reference date:dateTime "
     "reporter:Reference period:Period improvementNotation:CodeableConcept group*MeasureReport.group "
     "evaluatedResource*Reference"},
    {"MeasureReport.group", 24, R4Form::complex,
     "code:CodeableConcept population*MeasureReport.group.population measureScore:Quantity "
     "stratifier*MeasureReport.group.stratifier"},
    {"MeasureReport.group.population", 24, R4Form::complex,
     "code:CodeableConcept count:integer subjectResults:Reference"},
    {"MeasureReport.group.stratifier", 24, R4Form::complex,
     "code*CodeableConcept stratum*MeasureReport.group.stratifier.stratum"},
    {"MeasureReport.group.stratifier.stratum", 24, R4Form::complex,
     "value:CodeableConcept component*MeasureReport.group.stratifier.stratum.component "
     "population*MeasureReport.group.stratifier.stratum.population measureScore:Quantity"},
    {"MeasureReport.group.stratifier.stratum.component", 24, R4Form::complex,
     "code:CodeableConcept value:CodeableConcept"},
    {"MeasureReport.group.stratifier.stratum.population", 24, R4Form::complex,
     "code:CodeableConcept count:integer subjectResults:Reference"},
    {"Media", 196, R4Form::resource,
     "identifier*Identifier basedOn*Reference partOf*Reference status:code type:CodeableConcept "
     "modality:CodeableConcept view:CodeableConcept subject:Reference encounter:Reference "
     "created#dateTime|Period issued:instant operator:Reference reasonCode*CodeableConcept "
     "bodySite:CodeableConcept deviceName:string device:Reference height:positiveInt width:positiveInt "
     "frames:positiveInt duration:decimal content:Attachment note*Annotation"},
    {"Medication", 196, R4Form::resource,
     "identifier*Identifier code:CodeableConcept status:code manufacturer:Reference form:CodeableConcept "
     "amount:Ratio ingredient*Medication.ingredient batch:Medication.batch"},
    {"Medication.batch", 24, R4Form::complex,
     "lotNumber:string expirationDate:dateTime"},
    {"Medication.ingredient", 24, R4Form::complex,
     "item#CodeableConcept|Reference isActive:boolean strength:Ratio"},
    {"MedicationAdministration", 196, R4Form::resource,
     "identifier*Identifier instantiates*uri partOf*Reference status:code statusReason*CodeableConcept "
     "category:CodeableConcept medication#CodeableConcept|Reference subject:Reference context:Reference "
     "supportingInformation*Reference effective#dateTime|Period performer*MedicationAdministration.performer "
     "reasonCode*CodeableConcept reasonReference*Reference request:Reference device*Reference note*Annotation "
     "dosage:MedicationAdministration.dosage eventHistory*Reference"},
    {"MedicationAdministration.dosage", 24, R4Form::complex,
     "text:string site:CodeableConcept route:CodeableConcept method:CodeableConcept dose:Quantity "
     "rate#Ratio|Quantity"},
    {"MedicationAdministration.performer", 24, R4Form::complex,
     "function:CodeableConcept actor:Reference"},
    {"MedicationDispense", 196, R4Form::resource,
     "identifier*Identifier partOf*Reference status:code statusReason#CodeableConcept|Reference "
     "category:CodeableConcept medication#CodeableConcept|Reference subject:Reference context:Reference "
     "supportingInformation*Reference performer*MedicationDispense.performer location:Reference "
     "authorizingPrescription*Reference type:CodeableConcept quantity:Quantity daysSupply:Quantity "
     "whenPrepared:dateTime whenHandedOver:dateTime destination:Reference receiver*Reference note*Annotation "
     "dosageInstruction*Dosage substitution:MedicationDispense.substitution detectedIssue*Reference "
     "eventHistory*Reference"},
    {"MedicationDispense.performer", 24, R4Form::complex,
     "function:CodeableConcept actor:Reference"},
    {"MedicationDispense.substitution", 24, R4Form::complex,
     "wasSubstituted:boolean type:CodeableConcept reason*CodeableConcept responsibleParty*Reference"},
    {"MedicationKnowledge", 196, R4Form::resource,
     "code:CodeableConcept status:code manufacturer:Reference doseForm:CodeableConcept amount:Quantity "
     "synonym*string relatedMedicationKnowledge*MedicationKnowledge.relatedMedicationKnowledge "
     "associatedMedication*Reference productType*CodeableConcept monograph*MedicationKnowledge.monograph "
     "ingredient*MedicationKnowledge.ingredient preparationInstruction:markdown intendedRoute*CodeableConcept "
     "cost*MedicationKnowledge.cost monitoringProgram*MedicationKnowledge.monitoringProgram "
     "administrationGuidelines*MedicationKnowledge.administrationGuidelines "
     "medicineClassification*MedicationKnowledge.medicineClassification "
     "packaging:MedicationKnowledge.packaging drugCharacteristic*MedicationKnowledge.drugCharacteristic "
     "contraindication*Reference regulatory*MedicationKnowledge.regulatory "
     "kinetics*MedicationKnowledge.kinetics"},
    {"MedicationKnowledge.administrationGuidelines", 24, R4Form::complex,
     "dosage*MedicationKnowledge.administrationGuidelines.dosage indication#CodeableConcept|Reference "
     "patientCharacteristics*MedicationKnowledge.administrationGuidelines.patientCharacteristics"},
    {"MedicationKnowledge.administrationGuidelines.dosage", 24, R4Form::complex,
     "type:CodeableConcept dosage*Dosage"},
    {"MedicationKnowledge.administrationGuidelines.patientCharacteristics", 24, R4Form::complex,
     "characteristic#CodeableConcept|Quantity value*string"},
    {"MedicationKnowledge.cost", 24, R4Form::complex,
     "type:CodeableConcept source:string cost:Money"},
    {"MedicationKnowledge.drugCharacteristic", 24, R4Form::complex,
     "type:CodeableConcept value#CodeableConcept|string|Quantity|base64Binary"},
    {"MedicationKnowledge.ingredient", 24, R4Form::complex,
     "item#CodeableConcept|Reference isActive:boolean strength:Ratio"},
    {"MedicationKnowledge.kinetics", 24, R4Form::complex,
     "areaUnderCurve*Quantity lethalDose50*Quantity halfLifePeriod:Duration"},
    {"MedicationKnowledge.medicineClassification", 24, R4Form::complex,
     "type:CodeableConcept classification*CodeableConcept"},
    {"MedicationKnowledge.monitoringProgram", 24, R4Form::complex,
     "type:CodeableConcept name:string"},
    {"MedicationKnowledge.monograph", 24, R4Form::complex,
     "type:CodeableConcept source:Reference"},
    {"MedicationKnowledge.packaging", 24, R4Form::complex,
     "type:CodeableConcept quantity:Quantity"},
    {"MedicationKnowledge.regulatory", 24, R4Form::complex,
     "regulatoryAuthority:Reference substitution*MedicationKnowledge.regulatory.substitution "
     "schedule*MedicationKnowledge.regulatory.schedule maxDispense:MedicationKnowledge.regulatory.maxDispense"},
    {"MedicationKnowledge.regulatory.maxDispense", 24, R4Form::complex,
     "quantity:Quantity period:Duration"},
    {"MedicationKnowledge.regulatory.schedule", 24, R4Form::complex,
     "schedule:CodeableConcept"},
    {"MedicationKnowledge.regulatory.substitution", 24, R4Form::complex,
     "type:CodeableConcept allowed:boolean"},
    {"MedicationKnowledge.relatedMedicationKnowledge", 24, R4Form::complex,
     "type:CodeableConcept reference*Reference"},
    {"MedicationRequest", 196, R4Form::resource,
     "identifier*Identifier status:code statusReason:CodeableConcept intent:code category*CodeableConcept "
     "priority:code doNotPerform:boolean reported#boolean|Reference medication#CodeableConcept|Reference "
     "subject:Reference encounter:Reference supportingInformation*Reference authoredOn:dateTime "
     "requester:Reference performer:Reference performerType:CodeableConcept recorder:Reference "
     "reasonCode*CodeableConcept reasonReference*Reference instantiatesCanonical*canonical "
     "instantiatesUri*uri basedOn*Reference groupIdentifier:Identifier courseOfTherapyType:CodeableConcept "
     "insurance*Reference note*Annotation dosageInstruction*Dosage "
     "dispenseRequest:MedicationRequest.dispenseRequest substitution:MedicationRequest.substitution "
     "priorPrescription:Reference detectedIssue*Reference eventHistory*Reference"},
    {"MedicationRequest.dispenseRequest", 24, R4Form::complex,
     "initialFill:MedicationRequest.dispenseRequest.initialFill dispenseInterval:Duration "
     "validityPeriod:Period numberOfRepeatsAllowed:unsignedInt quantity:Quantity "
     "expectedSupplyDuration:Duration performer:Reference"},
    {"MedicationRequest.dispenseRequest.initialFill", 24, R4Form::complex,
     "quantity:Quantity duration:Duration"},
    {"MedicationRequest.substitution", 24, R4Form::complex,
     "allowed#boolean|CodeableConcept reason:CodeableConcept"},
    {"MedicationStatement", 196, R4Form::resource,
     "identifier*Identifier basedOn*Reference partOf*Reference status:code statusReason*CodeableConcept "
     "category:CodeableConcept medication#CodeableConcept|Reference subject:Reference context:Reference "
     "effective#dateTime|Period dateAsserted:dateTime informationSource:Reference derivedFrom*Reference "
     "reasonCode*CodeableConcept reasonReference*Reference note*Annotation dosage*Dosage"},
    {"MedicinalProduct", 196, R4Form::resource,
     "identifier*Identifier type:CodeableConcept domain:Coding combinedPharmaceuticalDoseForm:CodeableConcept "
     "legalStatusOfSupply:CodeableConcept additionalMonitoringIndicator:CodeableConcept "
     "specialMeasures*string paediatricUseIndicator:CodeableConcept productClassification*CodeableConcept "
     "marketingStatus*MarketingStatus pharmaceuticalProduct*Reference packagedMedicinalProduct*Reference "
     "attachedDocument*Reference masterFile*Reference contact*Reference clinicalTrial*Reference "
     "name*MedicinalProduct.name crossReference*Identifier "
     "manufacturingBusinessOperation*MedicinalProduct.manufacturingBusinessOperation "
     "specialDesignation*MedicinalProduct.specialDesignation"},
    {"MedicinalProduct.manufacturingBusinessOperation", 24, R4Form::complex,
     "operationType:CodeableConcept authorisationReferenceNumber:Identifier effectiveDate:dateTime "
     "confidentialityIndicator:CodeableConcept manufacturer*Reference regulator:Reference"},
    {"MedicinalProduct.name", 24, R4Form::complex,
     "productName:string namePart*MedicinalProduct.name.namePart "
     "countryLanguage*MedicinalProduct.name.countryLanguage"},
    {"MedicinalProduct.name.countryLanguage", 24, R4Form::complex,
     "country:CodeableConcept jurisdiction:CodeableConcept language:CodeableConcept"},
    {"MedicinalProduct.name.namePart", 24, R4Form::complex,
     "part:string type:Coding"},
    {"MedicinalProduct.specialDesignation", 24, R4Form::complex,
     "identifier*Identifier type:CodeableConcept intendedUse:CodeableConcept "
     "indication#CodeableConcept|Reference status:CodeableConcept date:dateTime species:CodeableConcept"},
    {"MedicinalProductAuthorization", 196, R4Form::resource,
     "identifier*Identifier subject:Reference country*CodeableConcept jurisdiction*CodeableConcept "
     "status:CodeableConcept statusDate:dateTime restoreDate:dateTime validityPeriod:Period "
     "dataExclusivityPeriod:Period dateOfFirstAuthorization:dateTime internationalBirthDate:dateTime "
     "legalBasis:CodeableConcept "
     "jurisdictionalAuthorization*MedicinalProductAuthorization.jurisdictionalAuthorization holder:Reference "
     "regulator:Reference procedure:MedicinalProductAuthorization.procedure"},
    {"MedicinalProductAuthorization.jurisdictionalAuthorization", 24, R4Form::complex,
     "identifier*Identifier country:CodeableConcept jurisdiction*CodeableConcept "
     "legalStatusOfSupply:CodeableConcept validityPeriod:Period"},
    {"MedicinalProductAuthorization.procedure", 24, R4Form::complex,
     "identifier:Identifier type:CodeableConcept date#Period|dateTime "
     "application*MedicinalProductAuthorization.procedure"},
    {"MedicinalProductContraindication", 196, R4Form::resource,
     "subject*Reference disease:CodeableConcept diseaseStatus:CodeableConcept comorbidity*CodeableConcept "
     "therapeuticIndication*Reference otherTherapy*MedicinalProductContraindication.otherTherapy "
     "population*Population"},
    {"MedicinalProductContraindication.otherTherapy", 24, R4Form::complex,
     "therapyRelationshipType:CodeableConcept medication#CodeableConcept|Reference"},
    {"MedicinalProductIndication", 196, R4Form::resource,
     "subject*Reference diseaseSymptomProcedure:CodeableConcept diseaseStatus:CodeableConcept "
     "comorbidity*CodeableConcept intendedEffect:CodeableConcept duration:Quantity "
     "otherTherapy*MedicinalProductIndication.otherTherapy undesirableEffect*Reference population*Population"},
    {"MedicinalProductIndication.otherTherapy", 24, R4Form::complex,
     "therapyRelationshipType:CodeableConcept medication#CodeableConcept|Reference"},
    {"MedicinalProductIngredient", 196, R4Form::resource,
     "identifier:Identifier role:CodeableConcept allergenicIndicator:boolean manufacturer*Reference "
     "specifiedSubstance*MedicinalProductIngredient.specifiedSubstance "
     "substance:MedicinalProductIngredient.substance"},
    {"MedicinalProductIngredient.specifiedSubstance", 24, R4Form::complex,
     "code:CodeableConcept group:CodeableConcept confidentiality:CodeableConcept "
     "strength*MedicinalProductIngredient.specifiedSubstance.strength"},
    {"MedicinalProductIngredient.specifiedSubstance.strength", 24, R4Form::complex,
     "presentation:Ratio presentationLowLimit:Ratio concentration:Ratio concentrationLowLimit:Ratio "
     "measurementPoint:string country*CodeableConcept "
     "referenceStrength*MedicinalProductIngredient.specifiedSubstance.strength.referenceStrength"},
    {"MedicinalProductIngredient.specifiedSubstance.strength.referenceStrength", 24, R4Form::complex,
     "substance:CodeableConcept strength:Ratio strengthLowLimit:Ratio measurementPoint:string "
     "country*CodeableConcept"},
    {"MedicinalProductIngredient.substance", 24, R4Form::complex,
     "code:CodeableConcept strength*MedicinalProductIngredient.specifiedSubstance.strength"},
    {"MedicinalProductInteraction", 196, R4Form::resource,
     "subject*Reference description:string interactant*MedicinalProductInteraction.interactant "
     "type:CodeableConcept effect:CodeableConcept incidence:CodeableConcept management:CodeableConcept"},
    {"MedicinalProductInteraction.interactant", 24, R4Form::complex,
     "item#Reference|CodeableConcept"},
    {"MedicinalProductManufactured", 196, R4Form::resource,
     "manufacturedDoseForm:CodeableConcept unitOfPresentation:CodeableConcept quantity:Quantity "
     "manufacturer*Reference ingredient*Reference physicalCharacteristics:ProdCharacteristic "
     "otherCharacteristics*CodeableConcept"},
    {"MedicinalProductPackaged", 196, R4Form::resource,
     "identifier*Identifier subject*Reference description:string legalStatusOfSupply:CodeableConcept "
     "marketingStatus*MarketingStatus marketingAuthorization:Reference manufacturer*Reference "
     "batchIdentifier*MedicinalProductPackaged.batchIdentifier "
     "packageItem*MedicinalProductPackaged.packageItem"},
    {"MedicinalProductPackaged.batchIdentifier", 24, R4Form::complex,
     "outerPackaging:Identifier immediatePackaging:Identifier"},
    {"MedicinalProductPackaged.packageItem", 24, R4Form::complex,
     "identifier*Identifier type:CodeableConcept quantity:Quantity material*CodeableConcept "
     "alternateMaterial*CodeableConcept device*Reference manufacturedItem*Reference "
     "packageItem*MedicinalProductPackaged.packageItem physicalCharacteristics:ProdCharacteristic "
     "otherCharacteristics*CodeableConcept shelfLifeStorage*ProductShelfLife manufacturer*Reference"},
    {"MedicinalProductPharmaceutical", 196, R4Form::resource,
     "identifier*Identifier administrableDoseForm:CodeableConcept unitOfPresentation:CodeableConcept "
     "ingredient*Reference device*Reference characteristics*MedicinalProductPharmaceutical.characteristics "
     "routeOfAdministration*MedicinalProductPharmaceutical.routeOfAdministration"},
    {"MedicinalProductPharmaceutical.characteristics", 24, R4Form::complex,
     "code:CodeableConcept status:CodeableConcept"},
    {"MedicinalProductPharmaceutical.routeOfAdministration", 24, R4Form::complex,
     "code:CodeableConcept firstDose:Quantity maxSingleDose:Quantity maxDosePerDay:Quantity "
     "maxDosePerTreatmentPeriod:Ratio maxTreatmentPeriod:Duration "
     "targetSpecies*MedicinalProductPharmaceutical.routeOfAdministration.targetSpecies"},
    {"MedicinalProductPharmaceutical.routeOfAdministration.targetSpecies", 24, R4Form::complex,
     "code:CodeableConcept "
     "withdrawalPeriod*MedicinalProductPharmaceutical.routeOfAdministration.targetSpecies.withdrawalPeriod"},
    {"MedicinalProductPharmaceutical.routeOfAdministration.targetSpecies.withdrawalPeriod", 24, R4Form::complex,
     "tissue:CodeableConcept value:Quantity supportingInformation:string"},
    {"MedicinalProductUndesirableEffect", 196, R4Form::resource,
     "subject*Reference symptomConditionEffect:CodeableConcept classification:CodeableConcept "
     "frequencyOfOccurrence:CodeableConcept population*Population"},
    {"MessageDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string replaces*canonical status:code "
     "experimental:boolean date:dateTime publisher:string contact*ContactDetail description:markdown "
     "useContext*UsageContext jurisdiction*CodeableConcept purpose:markdown copyright:markdown base:canonical "
     "parent*canonical event#Coding|uri category:code focus*MessageDefinition.focus responseRequired:code "
     "allowedResponse*MessageDefinition.allowedResponse graph*canonical"},
    {"MessageDefinition.allowedResponse", 24, R4Form::complex,
     "message:canonical situation:markdown"},
    {"MessageDefinition.focus", 24, R4Form::complex,
     "code:code profile:canonical min:unsignedInt max:string"},
    {"MessageHeader", 196, R4Form::resource,
     "event#Coding|uri destination*MessageHeader.destination sender:Reference enterer:Reference "
     "author:Reference source:MessageHeader.source responsible:Reference reason:CodeableConcept "
     "response:MessageHeader.response focus*Reference definition:canonical"},
    {"MessageHeader.destination", 24, R4Form::complex,
     "name:string target:Reference endpoint:url receiver:Reference"},
    {"MessageHeader.response", 24, R4Form::complex,
     "identifier:id code:code details:Reference"},
    {"MessageHeader.source", 24, R4Form::complex,
     "name:string software:string version:string contact:ContactPoint endpoint:url"},
    {"Meta", 207, R4Form::complex,
     "versionId:id lastUpdated:instant source:uri profile*canonical security*Coding tag*Coding"},
    {"MolecularSequence", 196, R4Form::resource,
     "identifier*Identifier type:code coordinateSystem:integer patient:Reference specimen:Reference "
     "device:Reference performer:Reference quantity:Quantity referenceSeq:MolecularSequence.referenceSeq "
     "variant*MolecularSequence.variant observedSeq:string quality*MolecularSequence.quality "
     "readCoverage:integer repository*MolecularSequence.repository pointer*Reference "
     "structureVariant*MolecularSequence.structureVariant"},
    {"MolecularSequence.quality", 24, R4Form::complex,
     "type:code standardSequence:CodeableConcept start:integer end:integer score:Quantity "
     "method:CodeableConcept truthTP:decimal queryTP:decimal truthFN:decimal queryFP:decimal gtFP:decimal "
     "precision:decimal recall:decimal fScore:decimal roc:MolecularSequence.quality.roc"},
    {"MolecularSequence.quality.roc", 24, R4Form::complex,
     "score*integer numTP*integer numFP*integer numFN*integer precision*decimal sensitivity*decimal "
     "fMeasure*decimal"},
    {"MolecularSequence.referenceSeq", 24, R4Form::complex,
     "chromosome:CodeableConcept genomeBuild:string orientation:code referenceSeqId:CodeableConcept "
     "referenceSeqPointer:Reference referenceSeqString:string strand:code windowStart:integer "
     "windowEnd:integer"},
    {"MolecularSequence.repository", 24, R4Form::complex,
     "type:code url:uri name:string datasetId:string variantsetId:string readsetId:string"},
    {"MolecularSequence.structureVariant", 24, R4Form::complex,
     "variantType:CodeableConcept exact:boolean length:integer outer:MolecularSequence.structureVariant.outer "
     "inner:MolecularSequence.structureVariant.inner"},
    {"MolecularSequence.structureVariant.inner", 24, R4Form::complex,
     "start:integer end:integer"},
    {"MolecularSequence.structureVariant.outer", 24, R4Form::complex,
     "start:integer end:integer"},
    {"MolecularSequence.variant", 24, R4Form::complex,
     "start:integer end:integer observedAllele:string referenceAllele:string cigar:string "
     "variantPointer:Reference"},
    {"Money", 207, R4Form::complex,
     "value:decimal currency:code"},
    {"NamingSystem", 196, R4Form::resource,
     "name:string status:code kind:code date:dateTime publisher:string contact*ContactDetail "
     "responsible:string type:CodeableConcept description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept usage:string uniqueId*NamingSystem.uniqueId"},
    {"NamingSystem.uniqueId", 24, R4Form::complex,
     "type:code value:string preferred:boolean comment:string period:Period"},
    {"Narrative", 207, R4Form::complex,
     "status:code div:xhtml"},
    {"NutritionOrder", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri instantiates*uri status:code "
     "intent:code patient:Reference encounter:Reference dateTime:dateTime orderer:Reference "
     "allergyIntolerance*Reference foodPreferenceModifier*CodeableConcept excludeFoodModifier*CodeableConcept "
     "oralDiet:NutritionOrder.oralDiet supplement*NutritionOrder.supplement "
     "enteralFormula:NutritionOrder.enteralFormula note*Annotation"},
    {"NutritionOrder.enteralFormula", 24, R4Form::complex,
     "baseFormulaType:CodeableConcept baseFormulaProductName:string additiveType:CodeableConcept "
     "additiveProductName:string caloricDensity:Quantity routeofAdministration:CodeableConcept "
     "administration*NutritionOrder.enteralFormula.administration maxVolumeToDeliver:Quantity "
     "administrationInstruction:string"},
    {"NutritionOrder.enteralFormula.administration", 24, R4Form::complex,
     "schedule:Timing quantity:Quantity rate#Quantity|Ratio"},
    {"NutritionOrder.oralDiet", 24, R4Form::complex,
     "type*CodeableConcept schedule*Timing nutrient*NutritionOrder.oralDiet.nutrient "
     "texture*NutritionOrder.oralDiet.texture fluidConsistencyType*CodeableConcept instruction:string"},
    {"NutritionOrder.oralDiet.nutrient", 24, R4Form::complex,
     "modifier:CodeableConcept amount:Quantity"},
    {"NutritionOrder.oralDiet.texture", 24, R4Form::complex,
     "modifier:CodeableConcept foodType:CodeableConcept"},
    {"NutritionOrder.supplement", 24, R4Form::complex,
     "type:CodeableConcept productName:string schedule*Timing quantity:Quantity instruction:string"},
    {"Observation", 196, R4Form::resource,
     "identifier*Identifier basedOn*Reference partOf*Reference status:code category*CodeableConcept "
     "code:CodeableConcept subject:Reference focus*Reference encounter:Reference "
     "effective#dateTime|Period|Timing|instant issued:instant performer*Reference "
     "value#Quantity|CodeableConcept|string|boolean|integer|Range|Ratio|SampledData|time|dateTime|Period "
     "dataAbsentReason:CodeableConcept interpretation*CodeableConcept note*Annotation "
     "bodySite:CodeableConcept method:CodeableConcept specimen:Reference device:Reference "
     "referenceRange*Observation.referenceRange hasMember*Reference derivedFrom*Reference "
     "component*Observation.component"},
    {"Observation.component", 24, R4Form::complex,
     "code:CodeableConcept "
     "value#Quantity|CodeableConcept|string|boolean|integer|Range|Ratio|SampledData|time|dateTime|Period "
     "dataAbsentReason:CodeableConcept interpretation*CodeableConcept "
     "referenceRange*Observation.referenceRange"},
    {"Observation.referenceRange", 24, R4Form::complex,
     "low:Quantity high:Quantity type:CodeableConcept appliesTo*CodeableConcept age:Range text:string"},
    {"ObservationDefinition", 196, R4Form::resource,
     "category*CodeableConcept code:CodeableConcept identifier*Identifier permittedDataType*code "
     "multipleResultsAllowed:boolean method:CodeableConcept preferredReportName:string "
     "quantitativeDetails:ObservationDefinition.quantitativeDetails "
     "qualifiedInterval*ObservationDefinition.qualifiedInterval validCodedValueSet:Reference "
     "normalCodedValueSet:Reference abnormalCodedValueSet:Reference criticalCodedValueSet:Reference"},
    {"ObservationDefinition.qualifiedInterval", 24, R4Form::complex,
     "category:code range:Range context:CodeableConcept appliesTo*CodeableConcept gender:code age:Range "
     "gestationalAge:Range condition:string"},
    {"ObservationDefinition.quantitativeDetails", 24, R4Form::complex,
     "customaryUnit:CodeableConcept unit:CodeableConcept conversionFactor:decimal decimalPrecision:integer"},
    {"OperationDefinition", 196, R4Form::resource,
     "url:uri version:string name:string title:string status:code kind:code experimental:boolean "
     "date:dateTime publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown affectsState:boolean code:code comment:markdown "
     "base:canonical resource*code system:boolean type:boolean instance:boolean inputProfile:canonical "
     "outputProfile:canonical parameter*OperationDefinition.parameter overload*OperationDefinition.overload"},
    {"OperationDefinition.overload", 24, R4Form::complex,
     "parameterName*string comment:string"},
    {"OperationDefinition.parameter", 24, R4Form::complex,
     "name:code use:code min:integer max:string documentation:string type:code targetProfile*canonical "
     "searchType:code binding:OperationDefinition.parameter.binding "
     "referencedFrom*OperationDefinition.parameter.referencedFrom part*OperationDefinition.parameter"},
    {"OperationDefinition.parameter.binding", 24, R4Form::complex,
     "strength:code valueSet:canonical"},
    {"OperationDefinition.parameter.referencedFrom", 24, R4Form::complex,
     "source:string sourceId:string"},
    {"OperationOutcome", 196, R4Form::resource,
     "issue*OperationOutcome.issue"},
    {"OperationOutcome.issue", 24, R4Form::complex,
     "severity:code code:code details:CodeableConcept diagnostics:string location*string expression*string"},
    {"Organization", 196, R4Form::resource,
     "identifier*Identifier active:boolean type*CodeableConcept name:string alias*string telecom*ContactPoint "
     "address*Address partOf:Reference contact*Organization.contact endpoint*Reference"},
    {"Organization.contact", 24, R4Form::complex,
     "purpose:CodeableConcept name:HumanName telecom*ContactPoint address:Address"},
    {"OrganizationAffiliation", 196, R4Form::resource,
     "identifier*Identifier active:boolean period:Period organization:Reference "
     "participatingOrganization:Reference network*Reference code*CodeableConcept specialty*CodeableConcept "
     "location*Reference healthcareService*Reference telecom*ContactPoint endpoint*Reference"},
    {"ParameterDefinition", 207, R4Form::complex,
     "name:code use:code min:integer max:string documentation:string type:code profile:canonical"},
    {"Parameters", 514, R4Form::resource,
     "parameter*Parameters.parameter"},
    {"Parameters.parameter", 24, R4Form::complex,
     "name:string value#? resource:Resource part*Parameters.parameter"},
    {"Patient", 196, R4Form::resource,
     "identifier*Identifier active:boolean name*HumanName telecom*ContactPoint gender:code birthDate:date "
     "deceased#boolean|dateTime address*Address maritalStatus:CodeableConcept multipleBirth#boolean|integer "
     "photo*Attachment contact*Patient.contact communication*Patient.communication "
     "generalPractitioner*Reference managingOrganization:Reference link*Patient.link"},
    {"Patient.communication", 24, R4Form::complex,
     "language:CodeableConcept preferred:boolean"},
    {"Patient.contact", 24, R4Form::complex,
     "relationship*CodeableConcept name:HumanName telecom*ContactPoint address:Address gender:code "
     "organization:Reference period:Period"},
    {"Patient.link", 24, R4Form::complex,
     "other:Reference type:code"},
    {"PaymentNotice", 196, R4Form::resource,
     "identifier*Identifier status:code request:Reference response:Reference created:dateTime "
     "provider:Reference payment:Reference paymentDate:date payee:Reference recipient:Reference amount:Money "
     "paymentStatus:CodeableConcept"},
    {"PaymentReconciliation", 196, R4Form::resource,
     "identifier*Identifier status:code period:Period created:dateTime paymentIssuer:Reference "
     "request:Reference requestor:Reference outcome:code disposition:string paymentDate:date "
     "paymentAmount:Money paymentIdentifier:Identifier detail*PaymentReconciliation.detail "
     "formCode:CodeableConcept processNote*PaymentReconciliation.processNote"},
    {"PaymentReconciliation.detail", 24, R4Form::complex,
     "identifier:Identifier predecessor:Identifier type:CodeableConcept request:Reference submitter:Reference "
     "response:Reference date:date responsible:Reference payee:Reference amount:Money"},
    {"PaymentReconciliation.processNote", 24, R4Form::complex,
     "type:code text:string"},
    {"Period", 207, R4Form::complex,
     "start:dateTime end:dateTime"},
    {"Person", 196, R4Form::resource,
     "identifier*Identifier name*HumanName telecom*ContactPoint gender:code birthDate:date address*Address "
     "photo:Attachment managingOrganization:Reference active:boolean link*Person.link"},
    {"Person.link", 24, R4Form::complex,
     "target:Reference assurance:code"},
    {"PlanDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string subtitle:string "
     "type:CodeableConcept status:code experimental:boolean subject#CodeableConcept|Reference date:dateTime "
     "publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown usage:string copyright:markdown approvalDate:date "
     "lastReviewDate:date effectivePeriod:Period topic*CodeableConcept author*ContactDetail "
     "editor*ContactDetail reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "library*canonical goal*PlanDefinition.goal action*PlanDefinition.action"},
    {"PlanDefinition.action", 24, R4Form::complex,
     "prefix:string title:string description:string textEquivalent:string priority:code code*CodeableConcept "
     "reason*CodeableConcept documentation*RelatedArtifact goalId*id subject#CodeableConcept|Reference "
     "trigger*TriggerDefinition condition*PlanDefinition.action.condition input*DataRequirement "
     "output*DataRequirement relatedAction*PlanDefinition.action.relatedAction "
     "timing#dateTime|Age|Period|Duration|Range|Timing participant*PlanDefinition.action.participant "
     "type:CodeableConcept groupingBehavior:code selectionBehavior:code requiredBehavior:code "
     "precheckBehavior:code cardinalityBehavior:code definition#canonical|uri transform:canonical "
     "dynamicValue*PlanDefinition.action.dynamicValue action*PlanDefinition.action"},
    {"PlanDefinition.action.condition", 24, R4Form::complex,
     "kind:code expression:Expression"},
    {"PlanDefinition.action.dynamicValue", 24, R4Form::complex,
     "path:string expression:Expression"},
    {"PlanDefinition.action.participant", 24, R4Form::complex,
     "type:code role:CodeableConcept"},
    {"PlanDefinition.action.relatedAction", 24, R4Form::complex,
     "actionId:id relationship:code offset#Duration|Range"},
    {"PlanDefinition.goal", 24, R4Form::complex,
     "category:CodeableConcept description:CodeableConcept priority:CodeableConcept start:CodeableConcept "
     "addresses*CodeableConcept documentation*RelatedArtifact target*PlanDefinition.goal.target"},
    {"PlanDefinition.goal.target", 24, R4Form::complex,
     "measure:CodeableConcept detail#Quantity|Range|CodeableConcept due:Duration"},
    {"Population", 24, R4Form::complex,
     "age#Range|CodeableConcept gender:CodeableConcept race:CodeableConcept "
     "physiologicalCondition:CodeableConcept"},
    {"Practitioner", 196, R4Form::resource,
     "identifier*Identifier active:boolean name*HumanName telecom*ContactPoint address*Address gender:code "
     "birthDate:date photo*Attachment qualification*Practitioner.qualification communication*CodeableConcept"},
    {"Practitioner.qualification", 24, R4Form::complex,
     "identifier*Identifier code:CodeableConcept period:Period issuer:Reference"},
    {"PractitionerRole", 196, R4Form::resource,
     "identifier*Identifier active:boolean period:Period practitioner:Reference organization:Reference "
     "code*CodeableConcept specialty*CodeableConcept location*Reference healthcareService*Reference "
     "telecom*ContactPoint availableTime*PractitionerRole.availableTime "
     "notAvailable*PractitionerRole.notAvailable availabilityExceptions:string endpoint*Reference"},
    {"PractitionerRole.availableTime", 24, R4Form::complex,
     "daysOfWeek*code allDay:boolean availableStartTime:time availableEndTime:time"},
    {"PractitionerRole.notAvailable", 24, R4Form::complex,
     "description:string during:Period"},
    {"Procedure", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri basedOn*Reference "
     "partOf*Reference status:code statusReason:CodeableConcept category:CodeableConcept code:CodeableConcept "
     "subject:Reference encounter:Reference performed#dateTime|Period|string|Age|Range recorder:Reference "
     "asserter:Reference performer*Procedure.performer location:Reference reasonCode*CodeableConcept "
     "reasonReference*Reference bodySite*CodeableConcept outcome:CodeableConcept report*Reference "
     "complication*CodeableConcept complicationDetail*Reference followUp*CodeableConcept note*Annotation "
     "focalDevice*Procedure.focalDevice usedReference*Reference usedCode*CodeableConcept"},
    {"Procedure.focalDevice", 24, R4Form::complex,
     "action:CodeableConcept manipulated:Reference"},
    {"Procedure.performer", 24, R4Form::complex,
     "function:CodeableConcept actor:Reference onBehalfOf:Reference"},
    {"ProdCharacteristic", 24, R4Form::complex,
     "height:Quantity width:Quantity depth:Quantity weight:Quantity nominalVolume:Quantity "
     "externalDiameter:Quantity shape:string color*string imprint*string image*Attachment "
     "scoring:CodeableConcept"},
    {"ProductShelfLife", 24, R4Form::complex,
     "identifier:Identifier type:CodeableConcept period:Quantity specialPrecautionsForStorage*CodeableConcept"},
    {"Provenance", 196, R4Form::resource,
     "target*Reference occurred#Period|dateTime recorded:instant policy*uri location:Reference "
     "reason*CodeableConcept activity:CodeableConcept agent*Provenance.agent entity*Provenance.entity "
     "signature*Signature"},
    {"Provenance.agent", 24, R4Form::complex,
     "type:CodeableConcept role*CodeableConcept who:Reference onBehalfOf:Reference"},
    {"Provenance.entity", 24, R4Form::complex,
     "role:code what:Reference agent*Provenance.agent"},
    {"Quantity", 207, R4Form::complex,
     "value:decimal comparator:code unit:string system:uri code:code"},
    {"Questionnaire", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string derivedFrom*canonical status:code "
     "experimental:boolean subjectType*code date:dateTime publisher:string contact*ContactDetail "
     "description:markdown useContext*UsageContext jurisdiction*CodeableConcept purpose:markdown "
     "copyright:markdown approvalDate:date lastReviewDate:date effectivePeriod:Period code*Coding "
     "item*Questionnaire.item"},
    {"Questionnaire.item", 24, R4Form::complex,
     "linkId:string definition:uri code*Coding prefix:string text:string type:code "
     "enableWhen*Questionnaire.item.enableWhen enableBehavior:code required:boolean repeats:boolean "
     "readOnly:boolean maxLength:integer answerValueSet:canonical "
     "answerOption*Questionnaire.item.answerOption initial*Questionnaire.item.initial item*Questionnaire.item"},
    {"Questionnaire.item.answerOption", 24, R4Form::complex,
     "value#integer|date|time|string|Coding|Reference initialSelected:boolean"},
    {"Questionnaire.item.enableWhen", 24, R4Form::complex,
     "question:string operator:code "
     "answer#boolean|decimal|integer|date|dateTime|time|string|Coding|Quantity|Reference"},
    {"Questionnaire.item.initial", 24, R4Form::complex,
     "value#boolean|decimal|integer|date|dateTime|time|string|uri|Attachment|Coding|Quantity|Reference"},
    {"QuestionnaireResponse", 196, R4Form::resource,
     "identifier:Identifier basedOn*Reference partOf*Reference questionnaire:canonical status:code "
     "subject:Reference encounter:Reference authored:dateTime author:Reference source:Reference "
     "item*QuestionnaireResponse.item"},
    {"QuestionnaireResponse.item", 24, R4Form::complex,
     "linkId:string definition:uri text:string answer*QuestionnaireResponse.item.answer "
     "item*QuestionnaireResponse.item"},
    {"QuestionnaireResponse.item.answer", 24, R4Form::complex,
     "value#boolean|decimal|integer|date|dateTime|time|string|uri|Attachment|Coding|Quantity|Reference "
     "item*QuestionnaireResponse.item"},
    {"Range", 207, R4Form::complex,
     "low:Quantity high:Quantity"},
    {"Ratio", 207, R4Form::complex,
     "numerator:Quantity denominator:Quantity"},
    {"Reference", 207, R4Form::complex,
     "reference:string type:uri identifier:Identifier display:string"},
    {"RelatedArtifact", 207, R4Form::complex,
     "type:code label:string display:string citation:markdown url:url document:Attachment resource:canonical"},
    {"RelatedPerson", 196, R4Form::resource,
     "identifier*Identifier active:boolean patient:Reference relationship*CodeableConcept name*HumanName "
     "telecom*ContactPoint gender:code birthDate:date address*Address photo*Attachment period:Period "
     "communication*RelatedPerson.communication"},
    {"RelatedPerson.communication", 24, R4Form::complex,
     "language:CodeableConcept preferred:boolean"},
    {"RequestGroup", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri basedOn*Reference "
     "replaces*Reference groupIdentifier:Identifier status:code intent:code priority:code "
     "code:CodeableConcept subject:Reference encounter:Reference authoredOn:dateTime author:Reference "
     "reasonCode*CodeableConcept reasonReference*Reference note*Annotation action*RequestGroup.action"},
    {"RequestGroup.action", 24, R4Form::complex,
     "prefix:string title:string description:string textEquivalent:string priority:code code*CodeableConcept "
     "documentation*RelatedArtifact condition*RequestGroup.action.condition "
     "relatedAction*RequestGroup.action.relatedAction timing#dateTime|Age|Period|Duration|Range|Timing "
     "participant*Reference type:CodeableConcept groupingBehavior:code selectionBehavior:code "
     "requiredBehavior:code precheckBehavior:code cardinalityBehavior:code resource:Reference "
     "action*RequestGroup.action"},
    {"RequestGroup.action.condition", 24, R4Form::complex,
     "kind:code expression:Expression"},
    {"RequestGroup.action.relatedAction", 24, R4Form::complex,
     "actionId:id relationship:code offset#Duration|Range"},
    {"ResearchDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string shortTitle:string subtitle:string "
     "status:code experimental:boolean subject#CodeableConcept|Reference date:dateTime publisher:string "
     "contact*ContactDetail description:markdown comment*string useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown usage:string copyright:markdown approvalDate:date "
     "lastReviewDate:date effectivePeriod:Period topic*CodeableConcept author*ContactDetail "
     "editor*ContactDetail reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "library*canonical population:Reference exposure:Reference exposureAlternative:Reference "
     "outcome:Reference"},
    {"ResearchElementDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string shortTitle:string subtitle:string "
     "status:code experimental:boolean subject#CodeableConcept|Reference date:dateTime publisher:string "
     "contact*ContactDetail description:markdown comment*string useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown usage:string copyright:markdown approvalDate:date "
     "lastReviewDate:date effectivePeriod:Period topic*CodeableConcept author*ContactDetail "
     "editor*ContactDetail reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "library*canonical type:code variableType:code characteristic*ResearchElementDefinition.characteristic"},
    {"ResearchElementDefinition.characteristic", 24, R4Form::complex,
     "definition#CodeableConcept|canonical|Expression|DataRequirement usageContext*UsageContext "
     "exclude:boolean unitOfMeasure:CodeableConcept studyEffectiveDescription:string "
     "studyEffective#dateTime|Period|Duration|Timing studyEffectiveTimeFromStart:Duration "
     "studyEffectiveGroupMeasure:code participantEffectiveDescription:string "
     "participantEffective#dateTime|Period|Duration|Timing participantEffectiveTimeFromStart:Duration "
     "participantEffectiveGroupMeasure:code"},
    {"ResearchStudy", 196, R4Form::resource,
     "identifier*Identifier title:string protocol*Reference partOf*Reference status:code "
     "primaryPurposeType:CodeableConcept phase:CodeableConcept category*CodeableConcept focus*CodeableConcept "
     "condition*CodeableConcept contact*ContactDetail relatedArtifact*RelatedArtifact keyword*CodeableConcept "
     "location*CodeableConcept description:markdown enrollment*Reference period:Period sponsor:Reference "
     "principalInvestigator:Reference site*Reference reasonStopped:CodeableConcept note*Annotation "
     "arm*ResearchStudy.arm objective*ResearchStudy.objective"},
    {"ResearchStudy.arm", 24, R4Form::complex,
     "name:string type:CodeableConcept description:string"},
    {"ResearchStudy.objective", 24, R4Form::complex,
     "name:string type:CodeableConcept"},
    {"ResearchSubject", 196, R4Form::resource,
     "identifier*Identifier status:code period:Period study:Reference individual:Reference assignedArm:string "
     "actualArm:string consent:Reference"},
    {"Resource", -1, R4Form::resource,
     "id:string meta:Meta implicitRules:uri language:code"},
    {"RiskAssessment", 196, R4Form::resource,
     "identifier*Identifier basedOn:Reference parent:Reference status:code method:CodeableConcept "
     "code:CodeableConcept subject:Reference encounter:Reference occurrence#dateTime|Period "
     "condition:Reference performer:Reference reasonCode*CodeableConcept reasonReference*Reference "
     "basis*Reference prediction*RiskAssessment.prediction mitigation:string note*Annotation"},
    {"RiskAssessment.prediction", 24, R4Form::complex,
     "outcome:CodeableConcept probability#decimal|Range qualitativeRisk:CodeableConcept relativeRisk:decimal "
     "when#Period|Range rationale:string"},
    {"RiskEvidenceSynthesis", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string status:code date:dateTime "
     "publisher:string contact*ContactDetail description:markdown note*Annotation useContext*UsageContext "
     "jurisdiction*CodeableConcept copyright:markdown approvalDate:date lastReviewDate:date "
     "effectivePeriod:Period topic*CodeableConcept author*ContactDetail editor*ContactDetail "
     "reviewer*ContactDetail endorser*ContactDetail relatedArtifact*RelatedArtifact "
     "synthesisType:CodeableConcept studyType:CodeableConcept population:Reference exposure:Reference "
     "outcome:Reference sampleSize:RiskEvidenceSynthesis.sampleSize "
     "riskEstimate:RiskEvidenceSynthesis.riskEstimate certainty*RiskEvidenceSynthesis.certainty"},
    {"RiskEvidenceSynthesis.certainty", 24, R4Form::complex,
     "rating*CodeableConcept note*Annotation "
     "certaintySubcomponent*RiskEvidenceSynthesis.certainty.certaintySubcomponent"},
    {"RiskEvidenceSynthesis.certainty.certaintySubcomponent", 24, R4Form::complex,
     "type:CodeableConcept rating*CodeableConcept note*Annotation"},
    {"RiskEvidenceSynthesis.riskEstimate", 24, R4Form::complex,
     "description:string type:CodeableConcept value:decimal unitOfMeasure:CodeableConcept "
     "denominatorCount:integer numeratorCount:integer "
     "precisionEstimate*RiskEvidenceSynthesis.riskEstimate.precisionEstimate"},
    {"RiskEvidenceSynthesis.riskEstimate.precisionEstimate", 24, R4Form::complex,
     "type:CodeableConcept level:decimal from:decimal to:decimal"},
    {"RiskEvidenceSynthesis.sampleSize", 24, R4Form::complex,
     "description:string numberOfStudies:integer numberOfParticipants:integer"},
    {"SampledData", 207, R4Form::complex,
     "origin:Quantity period:decimal factor:decimal lowerLimit:decimal upperLimit:decimal "
     "dimensions:positiveInt data:string"},
    {"Schedule", 196, R4Form::resource,
     "identifier*Identifier active:boolean serviceCategory*CodeableConcept serviceType*CodeableConcept "
     "specialty*CodeableConcept actor*Reference planningHorizon:Period comment:string"},
    {"SearchParameter", 196, R4Form::resource,
     "url:uri version:string name:string derivedFrom:canonical status:code experimental:boolean date:dateTime "
     "publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown code:code base*code type:code expression:string "
     "xpath:string xpathUsage:code target*code multipleOr:boolean multipleAnd:boolean comparator*code "
     "modifier*code chain*string component*SearchParameter.component"},
    {"SearchParameter.component", 24, R4Form::complex,
     "definition:canonical expression:string"},
    {"ServiceRequest", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical*canonical instantiatesUri*uri basedOn*Reference "
     "replaces*Reference requisition:Identifier status:code intent:code category*CodeableConcept "
     "priority:code doNotPerform:boolean code:CodeableConcept orderDetail*CodeableConcept "
     "quantity#Quantity|Ratio|Range subject:Reference encounter:Reference occurrence#dateTime|Period|Timing "
     "asNeeded#boolean|CodeableConcept authoredOn:dateTime requester:Reference performerType:CodeableConcept "
     "performer*Reference locationCode*CodeableConcept locationReference*Reference reasonCode*CodeableConcept "
     "reasonReference*Reference insurance*Reference supportingInfo*Reference specimen*Reference "
     "bodySite*CodeableConcept note*Annotation patientInstruction:string relevantHistory*Reference"},
    {"Signature", 207, R4Form::complex,
     "type*Coding when:instant who:Reference onBehalfOf:Reference targetFormat:code sigFormat:code "
     "data:base64Binary"},
    {"Slot", 196, R4Form::resource,
     "identifier*Identifier serviceCategory*CodeableConcept serviceType*CodeableConcept "
     "specialty*CodeableConcept appointmentType:CodeableConcept schedule:Reference status:code start:instant "
     "end:instant overbooked:boolean comment:string"},
    {"Specimen", 196, R4Form::resource,
     "identifier*Identifier accessionIdentifier:Identifier status:code type:CodeableConcept subject:Reference "
     "receivedTime:dateTime parent*Reference request*Reference collection:Specimen.collection "
     "processing*Specimen.processing container*Specimen.container condition*CodeableConcept note*Annotation"},
    {"Specimen.collection", 24, R4Form::complex,
     "collector:Reference collected#dateTime|Period duration:Duration quantity:Quantity "
     "method:CodeableConcept bodySite:CodeableConcept fastingStatus#CodeableConcept|Duration"},
    {"Specimen.container", 24, R4Form::complex,
     "identifier*Identifier description:string type:CodeableConcept capacity:Quantity "
     "specimenQuantity:Quantity additive#CodeableConcept|Reference"},
    {"Specimen.processing", 24, R4Form::complex,
     "description:string procedure:CodeableConcept additive*Reference time#dateTime|Period"},
    {"SpecimenDefinition", 196, R4Form::resource,
     "identifier:Identifier typeCollected:CodeableConcept patientPreparation*CodeableConcept "
     "timeAspect:string collection*CodeableConcept typeTested*SpecimenDefinition.typeTested"},
    {"SpecimenDefinition.typeTested", 24, R4Form::complex,
     "isDerived:boolean type:CodeableConcept preference:code "
     "container:SpecimenDefinition.typeTested.container requirement:string retentionTime:Duration "
     "rejectionCriterion*CodeableConcept handling*SpecimenDefinition.typeTested.handling"},
    {"SpecimenDefinition.typeTested.container", 24, R4Form::complex,
     "material:CodeableConcept type:CodeableConcept cap:CodeableConcept description:string capacity:Quantity "
     "minimumVolume#Quantity|string additive*SpecimenDefinition.typeTested.container.additive "
     "preparation:string"},
    {"SpecimenDefinition.typeTested.container.additive", 24, R4Form::complex,
     "additive#CodeableConcept|Reference"},
    {"SpecimenDefinition.typeTested.handling", 24, R4Form::complex,
     "temperatureQualifier:CodeableConcept temperatureRange:Range maxDuration:Duration instruction:string"},
    {"StructureDefinition", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string status:code experimental:boolean "
     "date:dateTime publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown copyright:markdown keyword*Coding fhirVersion:code "
     "mapping*StructureDefinition.mapping kind:code abstract:boolean context*StructureDefinition.context "
     "contextInvariant*string type:uri baseDefinition:canonical derivation:code "
     "snapshot:StructureDefinition.snapshot differential:StructureDefinition.differential"},
    {"StructureDefinition.context", 24, R4Form::complex,
     "type:code expression:string"},
    {"StructureDefinition.differential", 24, R4Form::complex,
     "element*ElementDefinition"},
    {"StructureDefinition.mapping", 24, R4Form::complex,
     "identity:id uri:uri name:string comment:string"},
    {"StructureDefinition.snapshot", 24, R4Form::complex,
     "element*ElementDefinition"},
    {"StructureMap", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string status:code experimental:boolean "
     "date:dateTime publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown copyright:markdown structure*StructureMap.structure "
     "import*canonical group*StructureMap.group"},
    {"StructureMap.group", 24, R4Form::complex,
     "name:id extends:id typeMode:code documentation:string input*StructureMap.group.input "
     "rule*StructureMap.group.rule"},
    {"StructureMap.group.input", 24, R4Form::complex,
     "name:id type:string mode:code documentation:string"},
    {"StructureMap.group.rule", 24, R4Form::complex,
     "name:id source*StructureMap.group.rule.source target*StructureMap.group.rule.target "
     "rule*StructureMap.group.rule dependent*StructureMap.group.rule.dependent documentation:string"},
    {"StructureMap.group.rule.dependent", 24, R4Form::complex,
     "name:id variable*string"},
    {"StructureMap.group.rule.source", 24, R4Form::complex,
     "context:id min:integer max:string type:string defaultValue#? element:string listMode:code variable:id "
     "condition:string check:string logMessage:string"},
    {"StructureMap.group.rule.target", 24, R4Form::complex,
     "context:id contextType:code element:string variable:id listMode*code listRuleId:id transform:code "
     "parameter*StructureMap.group.rule.target.parameter"},
    {"StructureMap.group.rule.target.parameter", 24, R4Form::complex,
     "value#id|string|boolean|integer|decimal"},
    {"StructureMap.structure", 24, R4Form::complex,
     "url:canonical mode:code alias:string documentation:string"},
    {"Subscription", 196, R4Form::resource,
     "status:code contact*ContactPoint end:instant reason:string criteria:string error:string "
     "channel:Subscription.channel"},
    {"Subscription.channel", 24, R4Form::complex,
     "type:code endpoint:url payload:code header*string"},
    {"Substance", 196, R4Form::resource,
     "identifier*Identifier status:code category*CodeableConcept code:CodeableConcept description:string "
     "instance*Substance.instance ingredient*Substance.ingredient"},
    {"Substance.ingredient", 24, R4Form::complex,
     "quantity:Ratio substance#CodeableConcept|Reference"},
    {"Substance.instance", 24, R4Form::complex,
     "identifier:Identifier expiry:dateTime quantity:Quantity"},
    {"SubstanceAmount", 24, R4Form::complex,
     "amount#Quantity|Range|string amountType:CodeableConcept amountText:string "
     "referenceRange:SubstanceAmount.referenceRange"},
    {"SubstanceAmount.referenceRange", 207, R4Form::complex,
     "lowLimit:Quantity highLimit:Quantity"},
    {"SubstanceNucleicAcid", 196, R4Form::resource,
     "sequenceType:CodeableConcept numberOfSubunits:integer areaOfHybridisation:string "
     "oligoNucleotideType:CodeableConcept subunit*SubstanceNucleicAcid.subunit"},
    {"SubstanceNucleicAcid.subunit", 24, R4Form::complex,
     "subunit:integer sequence:string length:integer sequenceAttachment:Attachment fivePrime:CodeableConcept "
     "threePrime:CodeableConcept linkage*SubstanceNucleicAcid.subunit.linkage "
     "sugar*SubstanceNucleicAcid.subunit.sugar"},
    {"SubstanceNucleicAcid.subunit.linkage", 24, R4Form::complex,
     "connectivity:string identifier:Identifier name:string residueSite:string"},
    {"SubstanceNucleicAcid.subunit.sugar", 24, R4Form::complex,
     "identifier:Identifier name:string residueSite:string"},
    {"SubstancePolymer", 196, R4Form::resource,
     "class:CodeableConcept geometry:CodeableConcept copolymerConnectivity*CodeableConcept "
     "modification*string monomerSet*SubstancePolymer.monomerSet repeat*SubstancePolymer.repeat"},
    {"SubstancePolymer.monomerSet", 24, R4Form::complex,
     "ratioType:CodeableConcept startingMaterial*SubstancePolymer.monomerSet.startingMaterial"},
    {"SubstancePolymer.monomerSet.startingMaterial", 24, R4Form::complex,
     "material:CodeableConcept type:CodeableConcept isDefining:boolean amount:SubstanceAmount"},
    {"SubstancePolymer.repeat", 24, R4Form::complex,
     "numberOfUnits:integer averageMolecularFormula:string repeatUnitAmountType:CodeableConcept "
     "repeatUnit*SubstancePolymer.repeat.repeatUnit"},
    {"SubstancePolymer.repeat.repeatUnit", 24, R4Form::complex,
     "orientationOfPolymerisation:CodeableConcept repeatUnit:string amount:SubstanceAmount "
     "degreeOfPolymerisation*SubstancePolymer.repeat.repeatUnit.degreeOfPolymerisation "
     "structuralRepresentation*SubstancePolymer.repeat.repeatUnit.structuralRepresentation"},
    {"SubstancePolymer.repeat.repeatUnit.degreeOfPolymerisation", 24, R4Form::complex,
     "degree:CodeableConcept amount:SubstanceAmount"},
    {"SubstancePolymer.repeat.repeatUnit.structuralRepresentation", 24, R4Form::complex,
     "type:CodeableConcept representation:string attachment:Attachment"},
    {"SubstanceProtein", 196, R4Form::resource,
     "sequenceType:CodeableConcept numberOfSubunits:integer disulfideLinkage*string "
     "subunit*SubstanceProtein.subunit"},
    {"SubstanceProtein.subunit", 24, R4Form::complex,
     "subunit:integer sequence:string length:integer sequenceAttachment:Attachment "
     "nTerminalModificationId:Identifier nTerminalModification:string cTerminalModificationId:Identifier "
     "cTerminalModification:string"},
    {"SubstanceReferenceInformation", 196, R4Form::resource,
     "comment:string gene*SubstanceReferenceInformation.gene "
     "geneElement*SubstanceReferenceInformation.geneElement "
     "classification*SubstanceReferenceInformation.classification target*SubstanceReferenceInformation.target"},
    {"SubstanceReferenceInformation.classification", 24, R4Form::complex,
     "domain:CodeableConcept classification:CodeableConcept subtype*CodeableConcept source*Reference"},
    {"SubstanceReferenceInformation.gene", 24, R4Form::complex,
     "geneSequenceOrigin:CodeableConcept gene:CodeableConcept source*Reference"},
    {"SubstanceReferenceInformation.geneElement", 24, R4Form::complex,
     "type:CodeableConcept element:Identifier source*Reference"},
    {"SubstanceReferenceInformation.target", 24, R4Form::complex,
     "target:Identifier type:CodeableConcept interaction:CodeableConcept organism:CodeableConcept "
     "organismType:CodeableConcept amount#Quantity|Range|string amountType:CodeableConcept source*Reference"},
    {"SubstanceSourceMaterial", 196, R4Form::resource,
     "sourceMaterialClass:CodeableConcept sourceMaterialType:CodeableConcept "
     "sourceMaterialState:CodeableConcept organismId:Identifier organismName:string "
     "parentSubstanceId*Identifier parentSubstanceName*string countryOfOrigin*CodeableConcept "
     "geographicalLocation*string developmentStage:CodeableConcept "
     "fractionDescription*SubstanceSourceMaterial.fractionDescription "
     "organism:SubstanceSourceMaterial.organism partDescription*SubstanceSourceMaterial.partDescription"},
    {"SubstanceSourceMaterial.fractionDescription", 24, R4Form::complex,
     "fraction:string materialType:CodeableConcept"},
    {"SubstanceSourceMaterial.organism", 24, R4Form::complex,
     "family:CodeableConcept genus:CodeableConcept species:CodeableConcept intraspecificType:CodeableConcept "
     "intraspecificDescription:string author*SubstanceSourceMaterial.organism.author "
     "hybrid:SubstanceSourceMaterial.organism.hybrid "
     "organismGeneral:SubstanceSourceMaterial.organism.organismGeneral"},
    {"SubstanceSourceMaterial.organism.author", 24, R4Form::complex,
     "authorType:CodeableConcept authorDescription:string"},
    {"SubstanceSourceMaterial.organism.hybrid", 24, R4Form::complex,
     "maternalOrganismId:string maternalOrganismName:string paternalOrganismId:string "
     "paternalOrganismName:string hybridType:CodeableConcept"},
    {"SubstanceSourceMaterial.organism.organismGeneral", 24, R4Form::complex,
     "kingdom:CodeableConcept phylum:CodeableConcept class:CodeableConcept order:CodeableConcept"},
    {"SubstanceSourceMaterial.partDescription", 24, R4Form::complex,
     "part:CodeableConcept partLocation:CodeableConcept"},
    {"SubstanceSpecification", 196, R4Form::resource,
     "identifier:Identifier type:CodeableConcept status:CodeableConcept domain:CodeableConcept "
     "description:string source*Reference comment:string moiety*SubstanceSpecification.moiety "
     "property*SubstanceSpecification.property referenceInformation:Reference "
     "structure:SubstanceSpecification.structure code*SubstanceSpecification.code "
     "name*SubstanceSpecification.name "
     "molecularWeight*SubstanceSpecification.structure.isotope.molecularWeight "
     "relationship*SubstanceSpecification.relationship nucleicAcid:Reference polymer:Reference "
     "protein:Reference sourceMaterial:Reference"},
    {"SubstanceSpecification.code", 24, R4Form::complex,
     "code:CodeableConcept status:CodeableConcept statusDate:dateTime comment:string source*Reference"},
    {"SubstanceSpecification.moiety", 24, R4Form::complex,
     "role:CodeableConcept identifier:Identifier name:string stereochemistry:CodeableConcept "
     "opticalActivity:CodeableConcept molecularFormula:string amount#Quantity|string"},
    {"SubstanceSpecification.name", 24, R4Form::complex,
     "name:string type:CodeableConcept status:CodeableConcept preferred:boolean language*CodeableConcept "
     "domain*CodeableConcept jurisdiction*CodeableConcept synonym*SubstanceSpecification.name "
     "translation*SubstanceSpecification.name official*SubstanceSpecification.name.official source*Reference"},
    {"SubstanceSpecification.name.official", 24, R4Form::complex,
     "authority:CodeableConcept status:CodeableConcept date:dateTime"},
    {"SubstanceSpecification.property", 24, R4Form::complex,
     "category:CodeableConcept code:CodeableConcept parameters:string "
     "definingSubstance#Reference|CodeableConcept amount#Quantity|string"},
    {"SubstanceSpecification.relationship", 24, R4Form::complex,
     "substance#Reference|CodeableConcept relationship:CodeableConcept isDefining:boolean "
     "amount#Quantity|Range|Ratio|string amountRatioLowLimit:Ratio amountType:CodeableConcept "
     "source*Reference"},
    {"SubstanceSpecification.structure", 24, R4Form::complex,
     "stereochemistry:CodeableConcept opticalActivity:CodeableConcept molecularFormula:string "
     "molecularFormulaByMoiety:string isotope*SubstanceSpecification.structure.isotope "
     "molecularWeight:SubstanceSpecification.structure.isotope.molecularWeight source*Reference "
     "representation*SubstanceSpecification.structure.representation"},
    {"SubstanceSpecification.structure.isotope", 24, R4Form::complex,
     "identifier:Identifier name:CodeableConcept substitution:CodeableConcept halfLife:Quantity "
     "molecularWeight:SubstanceSpecification.structure.isotope.molecularWeight"},
    {"SubstanceSpecification.structure.isotope.molecularWeight", 24, R4Form::complex,
     "method:CodeableConcept type:CodeableConcept amount:Quantity"},
    {"SubstanceSpecification.structure.representation", 24, R4Form::complex,
     "type:CodeableConcept representation:string attachment:Attachment"},
    {"SupplyDelivery", 196, R4Form::resource,
     "identifier*Identifier basedOn*Reference partOf*Reference status:code patient:Reference "
     "type:CodeableConcept suppliedItem:SupplyDelivery.suppliedItem occurrence#dateTime|Period|Timing "
     "supplier:Reference destination:Reference receiver*Reference"},
    {"SupplyDelivery.suppliedItem", 24, R4Form::complex,
     "quantity:Quantity item#CodeableConcept|Reference"},
    {"SupplyRequest", 196, R4Form::resource,
     "identifier*Identifier status:code category:CodeableConcept priority:code item#CodeableConcept|Reference "
     "quantity:Quantity parameter*SupplyRequest.parameter occurrence#dateTime|Period|Timing "
     "authoredOn:dateTime requester:Reference supplier*Reference reasonCode*CodeableConcept "
     "reasonReference*Reference deliverFrom:Reference deliverTo:Reference"},
    {"SupplyRequest.parameter", 24, R4Form::complex,
     "code:CodeableConcept value#CodeableConcept|Quantity|Range|boolean"},
    {"Task", 196, R4Form::resource,
     "identifier*Identifier instantiatesCanonical:canonical instantiatesUri:uri basedOn*Reference "
     "groupIdentifier:Identifier partOf*Reference status:code statusReason:CodeableConcept "
     "businessStatus:CodeableConcept intent:code priority:code code:CodeableConcept description:string "
     "focus:Reference for:Reference encounter:Reference executionPeriod:Period authoredOn:dateTime "
     "lastModified:dateTime requester:Reference performerType*CodeableConcept owner:Reference "
     "location:Reference reasonCode:CodeableConcept reasonReference:Reference insurance*Reference "
     "note*Annotation relevantHistory*Reference restriction:Task.restriction input*Task.input "
     "output*Task.output"},
    {"Task.input", 24, R4Form::complex,
     "type:CodeableConcept value#?"},
    {"Task.output", 24, R4Form::complex,
     "type:CodeableConcept value#?"},
    {"Task.restriction", 24, R4Form::complex,
     "repetitions:positiveInt period:Period recipient*Reference"},
    {"TerminologyCapabilities", 196, R4Form::resource,
     "url:uri version:string name:string title:string status:code experimental:boolean date:dateTime "
     "publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown copyright:markdown kind:code "
     "software:TerminologyCapabilities.software implementation:TerminologyCapabilities.implementation "
     "lockedDate:boolean codeSystem*TerminologyCapabilities.codeSystem "
     "expansion:TerminologyCapabilities.expansion codeSearch:code "
     "validateCode:TerminologyCapabilities.validateCode translation:TerminologyCapabilities.translation "
     "closure:TerminologyCapabilities.closure"},
    {"TerminologyCapabilities.closure", 24, R4Form::complex,
     "translation:boolean"},
    {"TerminologyCapabilities.codeSystem", 24, R4Form::complex,
     "uri:canonical version*TerminologyCapabilities.codeSystem.version subsumption:boolean"},
    {"TerminologyCapabilities.codeSystem.version", 24, R4Form::complex,
     "code:string isDefault:boolean compositional:boolean language*code "
     "filter*TerminologyCapabilities.codeSystem.version.filter property*code"},
    {"TerminologyCapabilities.codeSystem.version.filter", 24, R4Form::complex,
     "code:code op*code"},
    {"TerminologyCapabilities.expansion", 24, R4Form::complex,
     "hierarchical:boolean paging:boolean incomplete:boolean "
     "parameter*TerminologyCapabilities.expansion.parameter textFilter:markdown"},
    {"TerminologyCapabilities.expansion.parameter", 24, R4Form::complex,
     "name:code documentation:string"},
    {"TerminologyCapabilities.implementation", 24, R4Form::complex,
     "description:string url:url"},
    {"TerminologyCapabilities.software", 24, R4Form::complex,
     "name:string version:string"},
    {"TerminologyCapabilities.translation", 24, R4Form::complex,
     "needsMap:boolean"},
    {"TerminologyCapabilities.validateCode", 24, R4Form::complex,
     "translations:boolean"},
    {"TestReport", 196, R4Form::resource,
     "identifier:Identifier name:string status:code testScript:Reference result:code score:decimal "
     "tester:string issued:dateTime participant*TestReport.participant setup:TestReport.setup "
     "test*TestReport.test teardown:TestReport.teardown"},
    {"TestReport.participant", 24, R4Form::complex,
     "type:code uri:uri display:string"},
    {"TestReport.setup", 24, R4Form::complex,
     "action*TestReport.setup.action"},
    {"TestReport.setup.action", 24, R4Form::complex,
     "operation:TestReport.setup.action.operation assert:TestReport.setup.action.assert"},
    {"TestReport.setup.action.assert", 24, R4Form::complex,
     "result:code message:markdown detail:string"},
    {"TestReport.setup.action.operation", 24, R4Form::complex,
     "result:code message:markdown detail:uri"},
    {"TestReport.teardown", 24, R4Form::complex,
     "action*TestReport.teardown.action"},
    {"TestReport.teardown.action", 24, R4Form::complex,
     "operation:TestReport.setup.action.operation"},
    {"TestReport.test", 24, R4Form::complex,
     "name:string description:string action*TestReport.test.action"},
    {"TestReport.test.action", 24, R4Form::complex,
     "operation:TestReport.setup.action.operation assert:TestReport.setup.action.assert"},
    {"TestScript", 196, R4Form::resource,
     "url:uri identifier:Identifier version:string name:string title:string status:code experimental:boolean "
     "date:dateTime publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept purpose:markdown copyright:markdown origin*TestScript.origin "
     "destination*TestScript.destination metadata:TestScript.metadata fixture*TestScript.fixture "
     "profile*Reference variable*TestScript.variable setup:TestScript.setup test*TestScript.test "
     "teardown:TestScript.teardown"},
    {"TestScript.destination", 24, R4Form::complex,
     "index:integer profile:Coding"},
    {"TestScript.fixture", 24, R4Form::complex,
     "autocreate:boolean autodelete:boolean resource:Reference"},
    {"TestScript.metadata", 24, R4Form::complex,
     "link*TestScript.metadata.link capability*TestScript.metadata.capability"},
    {"TestScript.metadata.capability", 24, R4Form::complex,
     "required:boolean validated:boolean description:string origin*integer destination:integer link*uri "
     "capabilities:canonical"},
    {"TestScript.metadata.link", 24, R4Form::complex,
     "url:uri description:string"},
    {"TestScript.origin", 24, R4Form::complex,
     "index:integer profile:Coding"},
    {"TestScript.setup", 24, R4Form::complex,
     "action*TestScript.setup.action"},
    {"TestScript.setup.action", 24, R4Form::complex,
     "operation:TestScript.setup.action.operation assert:TestScript.setup.action.assert"},
    {"TestScript.setup.action.assert", 24, R4Form::complex,
     "label:string description:string direction:code compareToSourceId:string "
     "compareToSourceExpression:string compareToSourcePath:string contentType:code expression:string "
     "headerField:string minimumId:string navigationLinks:boolean operator:code path:string "
     "requestMethod:code requestURL:string resource:code response:code responseCode:string sourceId:id "
     "validateProfileId:id value:string warningOnly:boolean"},
    {"TestScript.setup.action.operation", 24, R4Form::complex,
     "type:Coding resource:code label:string description:string accept:code contentType:code "
     "destination:integer encodeRequestUrl:boolean method:code origin:integer params:string "
     "requestHeader*TestScript.setup.action.operation.requestHeader requestId:id responseId:id sourceId:id "
     "targetId:id url:string"},
    {"TestScript.setup.action.operation.requestHeader", 24, R4Form::complex,
     "field:string value:string"},
    {"TestScript.teardown", 24, R4Form::complex,
     "action*TestScript.teardown.action"},
    {"TestScript.teardown.action", 24, R4Form::complex,
     "operation:TestScript.setup.action.operation"},
    {"TestScript.test", 24, R4Form::complex,
     "name:string description:string action*TestScript.test.action"},
    {"TestScript.test.action", 24, R4Form::complex,
     "operation:TestScript.setup.action.operation assert:TestScript.setup.action.assert"},
    {"TestScript.variable", 24, R4Form::complex,
     "name:string defaultValue:string description:string expression:string headerField:string hint:string "
     "path:string sourceId:id"},
    {"Timing", 24, R4Form::complex,
     "event*dateTime repeat:Timing.repeat code:CodeableConcept"},
    {"Timing.repeat", 207, R4Form::complex,
     "bounds#Duration|Range|Period count:positiveInt countMax:positiveInt duration:decimal "
     "durationMax:decimal durationUnit:code frequency:positiveInt frequencyMax:positiveInt period:decimal "
     "periodMax:decimal periodUnit:code dayOfWeek*code timeOfDay*time when*code offset:unsignedInt"},
    {"TriggerDefinition", 207, R4Form::complex,
     "type:code name:string timing#Timing|Reference|date|dateTime data*DataRequirement condition:Expression"},
    {"UsageContext", 207, R4Form::complex,
     "code:Coding value#CodeableConcept|Quantity|Range|Reference"},
    {"ValueSet", 196, R4Form::resource,
     "url:uri identifier*Identifier version:string name:string title:string status:code experimental:boolean "
     "date:dateTime publisher:string contact*ContactDetail description:markdown useContext*UsageContext "
     "jurisdiction*CodeableConcept immutable:boolean purpose:markdown copyright:markdown "
     "compose:ValueSet.compose expansion:ValueSet.expansion"},
    {"ValueSet.compose", 24, R4Form::complex,
     "lockedDate:date inactive:boolean include*ValueSet.compose.include exclude*ValueSet.compose.include"},
    {"ValueSet.compose.include", 24, R4Form::complex,
     "system:uri version:string concept*ValueSet.compose.include.concept "
     "filter*ValueSet.compose.include.filter valueSet*canonical"},
    {"ValueSet.compose.include.concept", 24, R4Form::complex,
     "code:code display:string designation*ValueSet.compose.include.concept.designation"},
    {"ValueSet.compose.include.concept.designation", 24, R4Form::complex,
     "language:code use:Coding value:string"},
    {"ValueSet.compose.include.filter", 24, R4Form::complex,
     "property:code op:code value:string"},
    {"ValueSet.expansion", 24, R4Form::complex,
     "identifier:uri timestamp:dateTime total:integer offset:integer parameter*ValueSet.expansion.parameter "
     "contains*ValueSet.expansion.contains"},
    {"ValueSet.expansion.contains", 24, R4Form::complex,
     "system:uri abstract:boolean inactive:boolean version:string code:code display:string "
     "designation*ValueSet.compose.include.concept.designation contains*ValueSet.expansion.contains"},
    {"ValueSet.expansion.parameter", 24, R4Form::complex,
     "name:string value#string|boolean|integer|decimal|uri|code|dateTime"},
    {"VerificationResult", 196, R4Form::resource,
     "target*Reference targetLocation*string need:CodeableConcept status:code statusDate:dateTime "
     "validationType:CodeableConcept validationProcess*CodeableConcept frequency:Timing "
     "lastPerformed:dateTime nextScheduled:date failureAction:CodeableConcept "
     "primarySource*VerificationResult.primarySource attestation:VerificationResult.attestation "
     "validator*VerificationResult.validator"},
    {"VerificationResult.attestation", 24, R4Form::complex,
     "who:Reference onBehalfOf:Reference communicationMethod:CodeableConcept date:date "
     "sourceIdentityCertificate:string proxyIdentityCertificate:string proxySignature:Signature "
     "sourceSignature:Signature"},
    {"VerificationResult.primarySource", 24, R4Form::complex,
     "who:Reference type*CodeableConcept communicationMethod*CodeableConcept validationStatus:CodeableConcept "
     "validationDate:dateTime canPushUpdates:CodeableConcept pushTypeAvailable*CodeableConcept"},
    {"VerificationResult.validator", 24, R4Form::complex,
     "organization:Reference identityCertificate:string attestationSignature:Signature"},
    {"VisionPrescription", 196, R4Form::resource,
     "identifier*Identifier status:code created:dateTime patient:Reference encounter:Reference "
     "dateWritten:dateTime prescriber:Reference lensSpecification*VisionPrescription.lensSpecification"},
    {"VisionPrescription.lensSpecification", 24, R4Form::complex,
     "product:CodeableConcept eye:code sphere:decimal cylinder:decimal axis:integer "
     "prism*VisionPrescription.lensSpecification.prism add:decimal power:decimal backCurve:decimal "
     "diameter:decimal duration:Quantity color:string brand:string note*Annotation"},
    {"VisionPrescription.lensSpecification.prism", 24, R4Form::complex,
     "amount:decimal base:code"},
    {"base64Binary", 207, R4Form::text,
     ""},
    {"boolean", 207, R4Form::boolean,
     ""},
    {"canonical", 207, R4Form::text,
     ""},
    {"code", 207, R4Form::text,
     ""},
    {"date", 207, R4Form::text,
     ""},
    {"dateTime", 207, R4Form::text,
     ""},
    {"decimal", 207, R4Form::decimal,
     ""},
    {"id", 207, R4Form::text,
     ""},
    {"instant", 207, R4Form::text,
     ""},
    {"integer", 207, R4Form::integer,
     ""},
    {"markdown", 207, R4Form::text,
     ""},
    {"oid", 207, R4Form::text,
     ""},
    {"positiveInt", 207, R4Form::integer,
     ""},
    {"string", 207, R4Form::text,
     ""},
    {"time", 207, R4Form::text,
     ""},
    {"unsignedInt", 207, R4Form::integer,
     ""},
    {"uri", 207, R4Form::text,
     ""},
    {"url", 207, R4Form::text,
     ""},
    {"uuid", 207, R4Form::text,
     ""},
    {"xhtml", 207, R4Form::xhtml,
     ""},
};
extern const std::size_t kR4TypesCount = 682;

}  // namespace mitral::fhir
