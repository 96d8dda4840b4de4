// Package local is snapferry deployed on one machine: the simulated AWS, the
// three functions as real processes over the Lambda Runtime API, and between
// them what Amazon would do: the event source mapping that feeds copy from its
// queue, and the schedules of reconcile and expire.
//
// It knows how Lambda, SQS and EventBridge run a function, and nothing of what
// the functions decide.
package local
