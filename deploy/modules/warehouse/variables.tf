variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in three availability zones at least: Redshift Serverless asks for them."
  type        = list(string)
}

variable "security_group_id" {
  description = "Who may reach the warehouse's port."
  type        = string
}

variable "key_arns" {
  description = "Zone of keys to ARN: warehouse for rows and snapshots, operations for secrets and logs, processed and curated for COPY and UNLOAD."
  type        = map(string)
}

variable "bucket_arns" {
  description = "Zone of the lake to the ARN of its bucket: processed and curated are read, marts are unloaded to curated."
  type        = map(string)
}

variable "base_capacity_rpus" {
  description = "With how much capacity queries begin, in Redshift Processing Units."
  type        = number
}

variable "max_rpus" {
  description = "How far it grows under load."
  type        = number
}

variable "max_rpu_hours_a_day" {
  description = "What a day may use. At that a metric is emitted where the environment is protected; elsewhere queries are refused until the next day."
  type        = number
}

variable "departments" {
  description = "Who reads core and their own marts: each becomes the role headrace_<department>, which dbt grants to."
  type        = set(string)
}

variable "log_retention_days" {
  description = "How long the audit logs of connections, users and statements are kept."
  type        = number
}

variable "snapshot_retention_days" {
  description = "How long each day's snapshot is kept; recovery points of the last day exist beside them."
  type        = number
}

variable "protected" {
  description = "Whether secrets can be brought back for a month, and whether a warehouse over its limit goes on."
  type        = bool
}
