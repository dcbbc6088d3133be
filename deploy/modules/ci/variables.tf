variable "environment" {
  description = "dev, staging or prod; the repository's GitHub environment that may apply is called the same."
  type        = string
}

variable "github_repository" {
  description = "As it stands in the subject of the repository's tokens: OWNER/NAME, or OWNER@ID/NAME@ID where GitHub has them immutable."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", var.github_repository))
    error_message = "github_repository is OWNER/NAME or OWNER@ID/NAME@ID, without wildcards."
  }
}

variable "key_arn" {
  description = "Encrypts images."
  type        = string
}

variable "protected" {
  description = "The apply role deletes nothing that holds data."
  type        = bool
}
