variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "name" {
  description = "Of the task's family; its roles are called after it."
  type        = string
}

variable "service" {
  description = "worker, windows, loader, dbt or batch: the main container's name, and a label of its metrics."
  type        = string
}

variable "pipeline" {
  description = "Whose task it is; a label of its metrics."
  type        = string
}

variable "image" {
  description = "REGISTRY/REPOSITORY:TAG in this account's ECR."
  type        = string

  validation {
    condition     = can(regex("^[^/]+/[^:]+:[^:]+$", var.image)) && !endswith(var.image, ":latest")
    error_message = "image is REGISTRY/REPOSITORY:TAG, and its tag a release, not latest."
  }
}

variable "command" {
  description = "What runs, and its arguments."
  type        = list(string)
}

variable "health_command" {
  description = "Ends with 0 where the service is well; null for what runs to its end."
  type        = list(string)
  default     = null
}

variable "metrics" {
  description = "The collector beside the service: its image in this account's ECR, the port of /metrics on the task's own loopback, and where it writes in embedded metric format. Null for what serves no metrics."
  type = object({
    image     = string
    port      = number
    log_group = object({ name = string, arn = string })
  })
  default = null
}

variable "settings" {
  description = "Environment variables, none of them secret."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Environment variable to where its value is: SECRET_ARN, or SECRET_ARN:JSON_KEY::."
  type        = map(string)
  default     = {}
}

variable "cpu" {
  description = "CPU units of Fargate: 1024 are one vCPU."
  type        = number
}

variable "memory_mib" {
  description = "Memory of the whole task."
  type        = number

  validation {
    condition = contains(lookup({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }, var.cpu, []), var.memory_mib)
    error_message = "Fargate has no task of this cpu and memory_mib: with 1024 go 2048 to 8192 in steps of 1024, and so on."
  }
}

variable "policy" {
  description = "Document of the calls that the service itself makes."
  type        = string
}

variable "log_group" {
  description = "Where both containers log; the ARN without `:*`."
  type        = object({ name = string, arn = string })
}

variable "operations_key_arn" {
  description = "Decrypts the secrets."
  type        = string
}
