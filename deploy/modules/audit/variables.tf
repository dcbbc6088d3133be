variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "bucket_arns" {
  description = "Zone to the ARN of its bucket: raw, processed, curated, landing."
  type        = map(string)
}

variable "bucket_names" {
  description = "Zone to the name of its bucket; the trail is delivered to that of logs."
  type        = map(string)
}

variable "key_arns" {
  description = "Zone to the ARN of its key; the trail is encrypted with that of logs."
  type        = map(string)
}
