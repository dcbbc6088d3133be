variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "Each pipeline gets its alarms and a dashboard; no alarms of windows, or of dbt's models, where it has none."
  type = map(object({
    has_windows = optional(bool, true)
    has_models  = optional(bool, true)
  }))
}

variable "key_arn" {
  description = "Key of the zone operations. Its policy lets CloudWatch's alarms, EventBridge and CloudWatch Logs use it."
  type        = string
}

variable "retention_days" {
  description = "How long logs are kept."
  type        = number
}

variable "emails" {
  description = "Severity (page, ticket) to the addresses that are told; each confirms its subscription once."
  type        = map(list(string))
  default     = {}
}
