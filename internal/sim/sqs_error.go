package sim

import "net/http"

// sqsErrors are SQS's errors whose two names differ: the shape in the JSON
// body, which the Go SDK makes its types from, and the code of the older query
// protocol in the header x-amzn-query-error, which boto3 shows.
var sqsErrors = map[string]struct{ shape, query string }{
	"QueueDoesNotExist":            {"com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"},
	"QueueNameExists":              {"com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists"},
	"QueueDeletedRecently":         {"com.amazonaws.sqs#QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"},
	"PurgeQueueInProgress":         {"com.amazonaws.sqs#PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"},
	"EmptyBatchRequest":            {"com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"},
	"TooManyEntriesInBatchRequest": {"com.amazonaws.sqs#TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
	"BatchEntryIdsNotDistinct":     {"com.amazonaws.sqs#BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
	"BatchRequestTooLong":          {"com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"},
	"InvalidBatchEntryId":          {"com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"},
	"MessageNotInflight":           {"com.amazonaws.sqs#MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"},
	"UnsupportedOperation":         {"com.amazonaws.sqs#UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"},
	"InvalidParameterValue":        {"com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue"},
	"MissingParameter":             {"com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter"},
	"KMS.AccessDeniedException":    {"com.amazonaws.sqs#KmsAccessDenied", "KMS.AccessDeniedException"},
	"KMS.NotFoundException":        {"com.amazonaws.sqs#KmsNotFound", "KMS.NotFoundException"},
	"KMS.DisabledException":        {"com.amazonaws.sqs#KmsDisabled", "KMS.DisabledException"},
	"KMS.InvalidStateException":    {"com.amazonaws.sqs#KmsInvalidState", "KMS.InvalidStateException"},
	"AccessDenied":                 {"com.amazon.coral.service#AccessDeniedException", "AccessDenied"},
}

// sqsError gives an SQS error its two names.
func sqsError(header http.Header, problem *apiError) (shape string) {
	shape, query := "com.amazonaws.sqs#"+problem.Code, problem.Code
	if names, known := sqsErrors[problem.Code]; known {
		shape, query = names.shape, names.query
	}
	fault := "Sender"
	if problem.Status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	header.Set("X-Amzn-Query-Error", query+";"+fault)
	return shape
}

func missingParameter(parameter string) *apiError {
	return badRequest("MissingParameter", "The request must contain the parameter %s.", parameter)
}

func invalidParameter(parameter string, value any, reason string) *apiError {
	return badRequest("InvalidParameterValue", "Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}
