variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "Names of the pipelines of the environment, for what there is one of for each."
  type        = set(string)
  default     = []
}
