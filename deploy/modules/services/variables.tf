variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "Pipeline to MODULE:PIPELINE, to the size and number of its workers, and to what else runs of it."
  type = map(object({
    reference = string
    worker = object({
      cpu        = number
      memory_mib = number
      min_tasks  = number
      max_tasks  = number
    })
    has_windows = optional(bool, true)
    windows     = optional(object({ cpu = number, memory_mib = number }), { cpu = 512, memory_mib = 2048 })
    loader      = optional(object({ cpu = number, memory_mib = number }), { cpu = 512, memory_mib = 2048 })
  }))
}

variable "protected" {
  description = "Whether the lease tables that KCL makes refuse to be deleted."
  type        = bool
}

variable "image" {
  description = "Of all three services: REGISTRY/REPOSITORY:RELEASE."
  type        = string
}

variable "collector_image" {
  description = "Of the collector beside each of them."
  type        = string
}

variable "subnet_ids" {
  description = "Private ones, in several availability zones."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Of worker, windows and loader."
  type        = map(string)
}

variable "bucket_names" {
  description = "Zone to bucket: raw, processed, curated."
  type        = map(string)
}

variable "bucket_arns" {
  description = "The same."
  type        = map(string)
}

variable "log_table_name" {
  description = "The commit log's table."
  type        = string
}

variable "log_table_arn" {
  description = "The same."
  type        = string
}

variable "stream_names" {
  description = "Pipeline to its stream."
  type        = map(string)
}

variable "stream_arns" {
  description = "The same."
  type        = map(string)
}

variable "lease_table_arns" {
  description = "Pipeline to patterns of KCL's tables."
  type        = map(list(string))
}

variable "key_arns" {
  description = "Zone to KMS key."
  type        = map(string)
}

variable "warehouse" {
  description = "Where the loader loads, by which role COPY reads, and user to secret."
  type = object({
    host          = string
    port          = number
    database      = string
    copy_role_arn = string
    secret_arns   = map(string)
  })
}

variable "log_group_names" {
  description = "Part to log group: worker, windows, loader, metrics."
  type        = map(string)
}

variable "log_group_arns" {
  description = "The same."
  type        = map(string)
}
