variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "cidr" {
  description = "The VPC's addresses, a /16 to /20: each zone gets a sixteenth of them."
  type        = string

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20 && cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must be a network of IPv4 from /16 to /20, such as 10.20.0.0/16: a subnet needs at least the addresses of a /24."
  }
}

variable "availability_zones" {
  description = "Over how many zones the subnets lie; Redshift Serverless wants three."
  type        = number
  default     = 3

  validation {
    condition     = var.availability_zones >= 3 && var.availability_zones <= 6
    error_message = "availability_zones must be 3 to 6: Redshift Serverless wants subnets in three zones."
  }
}

variable "sftp_cidrs" {
  description = "From which addresses partners reach SFTP, by a private way to the VPC; empty: from within the VPC alone."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.sftp_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "sftp_cidrs must be networks such as 10.30.0.0/24, never all addresses: nothing here is public."
  }
}

variable "log_group_arn" {
  description = "The log group that flow logs go to."
  type        = string
}

variable "batch_engine" {
  description = "As module batch has it. The machines of a cluster install packages and ask KMS, which EMR Serverless does not."
  type        = string
  default     = "serverless"

  validation {
    condition     = contains(["serverless", "cluster"], var.batch_engine)
    error_message = "batch_engine must be serverless or cluster."
  }
}
