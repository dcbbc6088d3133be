variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "name" {
  description = "Of the state machine; its roles and its schedule are called after it."
  type        = string
}

variable "steps" {
  description = "Commands in their order, each in a task of its own; the one before must have ended with 0."
  type = list(object({
    name    = string
    command = list(string)
    hours   = number
  }))
}

variable "task" {
  description = "The task definition that every step runs, its roles, and the name of its container."
  type = object({
    definition_arn     = string
    role_arn           = string
    execution_role_arn = string
    container          = string
  })
}

variable "cluster_arn" {
  description = "The ECS cluster in which tasks run."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "security_group_id" {
  description = "Of the tasks."
  type        = string
}

variable "schedule" {
  description = "When it starts, such as cron(0 3 * * ? *), in UTC."
  type        = string
}

variable "topic_arn" {
  description = "Who is told of a failure."
  type        = string
}

variable "log_group_arn" {
  description = "Where failures are logged."
  type        = string
}

variable "operations_key_arn" {
  description = "Encrypts the state machine, its schedule and what is told."
  type        = string
}
