variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "Pipeline to its stream's shards; on demand where none are provisioned."
  type = map(object({
    provisioned_shards = optional(number)
  }))
}

variable "key_arn" {
  description = "KMS key of the streams and the commit log."
  type        = string
}

variable "retention_hours" {
  description = "How long a stream keeps its records: what workers may be behind before events are lost."
  type        = number
  default     = 168

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "Kinesis keeps records between 24 and 8760 hours."
  }
}

variable "protected" {
  description = "Whether streams and the commit log refuse to be deleted."
  type        = bool
}
