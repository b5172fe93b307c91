struct pair { int a; int b; };
#define LIMIT 7
