variable "environment" {
  description = "dev, staging or prod."
  type        = string
}

variable "pipelines" {
  description = "Name to `reference`, the MODULE:PIPELINE that the image can import."
  type = map(object({
    reference = string
  }))
}

variable "image" {
  description = "Of headrace-batch in this account's ECR, with the release as its tag: what compacts and expires."
  type        = string
}

variable "spark_image" {
  description = "Made on EMR Serverless's own image, with headrace-batch in /opt/headrace: what backfills."
  type        = string
}

variable "engine" {
  description = "What Spark runs on in a backfill: serverless, or cluster for an EMR cluster that lives as long as the backfill."
  type        = string

  validation {
    condition     = contains(["serverless", "cluster"], var.engine)
    error_message = "engine is serverless or cluster."
  }
}

variable "cluster_packages_url" {
  description = "For an EMR cluster alone: the folder in S3 with environment.tar.gz, job.py and certificates.zip; see the README."
  type        = string
  default     = null

  validation {
    condition     = var.engine == "serverless" || can(regex("^s3://[^/]+/.+[^/]$", var.cluster_packages_url))
    error_message = "An EMR cluster needs cluster_packages_url, such as s3://BUCKET/FOLDER."
  }
}

variable "cluster_arn" {
  description = "The ECS cluster in which compaction and expiry run."
  type        = string
}

variable "vpc_id" {
  description = "Of the subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "security_group_id" {
  description = "Reaches AWS's endpoints; tasks, Spark's drivers and executors have it."
  type        = string
}

variable "stream_arns" {
  description = "Pipeline to the ARN of its stream: batch asks it for its shards."
  type        = map(string)
}

variable "log_table_arn" {
  description = "Of the commit log."
  type        = string
}

variable "bucket_names" {
  description = "Zone of the lake to bucket."
  type        = map(string)
}

variable "bucket_arns" {
  description = "Zone of the lake to the ARN of its bucket."
  type        = map(string)
}

variable "key_arns" {
  description = "Zone of keys to ARN: those of the stream and the lake for data, operations for logs, state machines and news."
  type        = map(string)
}

variable "raw_retention_days" {
  description = "How long records are kept as they were received."
  type        = number
}

variable "schedules" {
  description = "When each pipeline's small files become big ones, and when what has expired goes; in UTC."
  type = object({
    compaction = string
    expiry     = string
  })
}

variable "topic_arn" {
  description = "Who is told of a failure."
  type        = string
}

variable "log_group" {
  description = "Where all of batch logs."
  type = object({
    name = string
    arn  = string
  })
}
