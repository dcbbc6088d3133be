variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "By name."
  type        = map(object({}))
}

variable "stream_arns" {
  description = "Pipeline to its stream."
  type        = map(string)
}

variable "log_table_arn" {
  description = "The commit log."
  type        = string
}

variable "lease_table_arns" {
  description = "Pipeline to patterns of the tables that KCL makes for it."
  type        = map(list(string))
}

variable "bucket_arns" {
  description = "Zone to its bucket: raw, processed and curated are used."
  type        = map(string)
}

variable "key_arns" {
  description = "KMS keys by zone: raw, processed, curated, stream and operations are used."
  type        = map(string)
}
