variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "key_arns" {
  description = "Zone to the ARN of its key."
  type        = map(string)
}

variable "raw_retention_days" {
  description = "How long records as they were received are locked, and the archive is kept. What deletes records is `headrace-batch expire --raw-days`, with no fewer days."
  type        = number

  validation {
    condition     = var.raw_retention_days >= 1 && floor(var.raw_retention_days) == var.raw_retention_days
    error_message = "raw_retention_days must be a whole number of days, 1 or more: object lock knows no part of a day."
  }
}

variable "raw_lock_mode" {
  description = "GOVERNANCE: who has s3:BypassGovernanceRetention may delete sooner. COMPLIANCE: nobody, not even root, until the days are over."
  type        = string
  default     = "GOVERNANCE"

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.raw_lock_mode)
    error_message = "raw_lock_mode must be GOVERNANCE or COMPLIANCE."
  }
}

variable "noncurrent_version_days" {
  description = "After how many days a deleted or overwritten version is gone for good: as long an accident can be undone, and as long a forgotten person's rows are still there."
  type        = number
  default     = 14
}

variable "log_retention_days" {
  description = "How long access logs and the trail are kept."
  type        = number
}

variable "protected" {
  description = "Buckets cannot be deleted, and are not emptied when they are destroyed."
  type        = bool
}
