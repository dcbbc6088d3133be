variable "service" {
  description = "Whose calls are allowed: worker, windows, loader, dbt, batch, landing, copy, collector or execution."
  type        = string
}

variable "resources" {
  description = "Kind of resource, as calls.json has it, to the ARNs that are meant."
  type        = map(list(string))
}
