variable "environment" {
  description = "dev, staging or prod: also the target of profiles.yml."
  type        = string
}

variable "pipeline" {
  description = "Whose tables the models read: `pipeline` in sql/dbt_project.yml."
  type        = string
}

variable "image" {
  description = "Of dbt in this account's ECR, with the release as its tag."
  type        = string
}

variable "cluster_arn" {
  description = "The ECS cluster in which builds run."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "security_group_id" {
  description = "Reaches the warehouse and AWS's endpoints."
  type        = string
}

variable "warehouse" {
  description = "Where it is, its users and their secrets, and the role that UNLOAD writes by: outputs of module warehouse."
  type = object({
    host             = string
    port             = number
    database         = string
    users            = map(string)
    secret_arns      = map(string)
    admin_secret_arn = string
    copy_role_arn    = string
  })
}

variable "bucket_names" {
  description = "Zone of the lake to bucket: marts are unloaded to curated."
  type        = map(string)
}

variable "bucket_arns" {
  description = "Zone of the lake to the ARN of its bucket."
  type        = map(string)
}

variable "key_arns" {
  description = "Zone of keys to ARN: operations, of the secret, the catalog, the state machine and its news; curated, of the marts."
  type        = map(string)
}

variable "schedule" {
  description = "When models are built, such as cron(15 * * * ? *), in UTC. A build that still runs then is left alone."
  type        = string
}

variable "topic_arn" {
  description = "Who is told of a build that failed."
  type        = string
}

variable "log_group" {
  description = "Where dbt's words go."
  type = object({
    name = string
    arn  = string
  })
}
