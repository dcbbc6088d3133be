variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "protected" {
  description = "Nobody can schedule a key's deletion or disable it, before its policy is changed."
  type        = bool
}
