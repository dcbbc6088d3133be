variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "bucket_names" {
  description = "Zone to its bucket: curated is used."
  type        = map(string)
}

variable "key_arns" {
  description = "KMS keys by zone; curated and operations are used."
  type        = map(string)
}

variable "scan_limit_bytes" {
  description = "What one query may read before Athena cancels it."
  type        = number

  validation {
    condition     = var.scan_limit_bytes >= 10485760
    error_message = "Athena takes no limit below 10485760 bytes (10 MiB)."
  }
}
