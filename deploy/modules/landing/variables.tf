variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "Pipeline to its declaration, as MODULE:PIPELINE."
  type = map(object({
    reference = string
  }))
}

variable "partners" {
  description = "SFTP user to the pipeline and source that it sends files of, and its public SSH keys."
  type = map(object({
    pipeline    = string
    source      = string
    public_keys = set(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for user in keys(var.partners) : can(regex("^[a-z0-9][a-z0-9_-]{2,31}$", user))])
    error_message = "A user has 3 to 32 characters: lower-case letters, digits, _ and -."
  }

  validation {
    condition     = alltrue([for partner in var.partners : can(regex("^[a-z][a-z0-9_-]{0,63}$", partner.source))])
    error_message = "A source is called as in the pipeline's landings: lower-case letters, digits, _ and -."
  }

  validation {
    condition     = alltrue([for partner in var.partners : contains(keys(var.pipelines), partner.pipeline)])
    error_message = "A partner names a pipeline that is not among `pipelines`."
  }

  validation {
    condition     = alltrue([for partner in var.partners : length(partner.public_keys) > 0])
    error_message = "A partner without a public key could never log in."
  }
}

variable "image" {
  description = "Image of the function, with its tag."
  type        = string
}

variable "bucket_name" {
  description = "The landing bucket."
  type        = string
}

variable "bucket_arn" {
  description = "The landing bucket."
  type        = string
}

variable "lake_bucket_names" {
  description = "Zone to bucket: raw, processed and curated."
  type        = map(string)
}

variable "lake_bucket_arns" {
  description = "Zone to bucket: raw, processed and curated."
  type        = map(string)
}

variable "key_arns" {
  description = "KMS keys by zone."
  type        = map(string)
}

variable "log_table_name" {
  description = "The commit log's table."
  type        = string
}

variable "log_table_arn" {
  description = "The commit log's table."
  type        = string
}

variable "stream_names" {
  description = "Pipeline to its stream's name."
  type        = map(string)
}

variable "stream_arns" {
  description = "Pipeline to its stream."
  type        = map(string)
}

variable "vpc_id" {
  description = "The VPC of the SFTP server."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, for the function and the SFTP server."
  type        = list(string)
}

variable "security_group_ids" {
  description = "By service; landing and sftp are used."
  type        = map(string)
}

variable "log_group_names" {
  description = "By part; landing is used."
  type        = map(string)
}

variable "log_group_arns" {
  description = "By part; landing and sftp are used."
  type        = map(string)
}
