variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "Pipelines whose streams are archived."
  type        = map(object({}))
}

variable "stream_arns" {
  description = "Pipeline to its stream."
  type        = map(string)
}

variable "bucket_arn" {
  description = "The raw zone."
  type        = string
}

variable "key_arns" {
  description = "KMS keys by zone; raw and stream are used."
  type        = map(string)
}

variable "log_group_name" {
  description = "Where Firehose writes what it could not deliver."
  type        = string
}

variable "transform_lambda_arn" {
  description = "A function that changes records on their way, as an unqualified ARN; none where null."
  type        = string
  default     = null
}
